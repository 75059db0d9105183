package editors_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// somePolicy and someTrace are what an administrator has in a folder.
const (
	somePolicy = "knock ssh < 10000 2345 -> 22 within 5s >\n"
	someTrace  = `policy policy.knock

0s      192.0.2.7 -> 10000
+1s     192.0.2.7 -> 2345
+0s     expect ssh open for 192.0.2.7
`
)

// waiting begins a script in Lua: it has functions that wait for what the server says.
const waiting = `
lua << END
-- eventually waits until a function returns a value that is true, and returns that.
function eventually(what)
  local value
  vim.wait(240000, function() value = what() return value end, 20)
  return value or 'never'
end
-- found is the first error in a buffer that has a text.
function found(buffer, text)
  for _, d in ipairs(vim.diagnostic.get(buffer, { severity = vim.diagnostic.severity.ERROR })) do
    if d.message:find(text, 1, true) then
      return { d.lnum, d.col, d.message }
    end
  end
end
-- floats is the text of a floating window.
function floats()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), '\n')
    end
  end
end
function clients()
  return #(vim.lsp.get_clients or vim.lsp.get_active_clients)()
end
END
`

// TestNeovimServer edits in Neovim, which the server tells what is wrong before anything is
// saved.
func TestNeovimServer(t *testing.T) {
	const script = waiting + `
edit policy.trace
edit policy.knock
lua << END
local policy, trace = vim.fn.bufnr('policy.knock'), vim.fn.bufnr('policy.trace')
local result = {}
vim.api.nvim_buf_set_lines(policy, 0, 1, true, { 'knock ssh < 10000 2345 -> 22 wihtin 5s >' })
result.typed = eventually(function() return found(policy, 'wihtin') end)
vim.api.nvim_buf_set_lines(policy, 0, 1, true, { 'knock   ssh < 10001 2345 -> 22 within 5s >' })
result.failed = eventually(function() return found(trace, 'wanted') end)
result.saved = vim.fn.readfile('policy.knock')
result.mended = eventually(function() return not found(policy, '') end)
vim.fn.search('within')
vim.lsp.buf.hover()
result.hover = eventually(floats):sub(1, 10)
result.clients = clients()
vim.g.result = result
END
write
let g:result.written = readfile('policy.knock')
`
	type result struct {
		Typed, Failed  []any
		Saved, Written []string
		Mended         bool
		Hover          string
		Clients        int
	}
	s := neovim.start(t)
	s.write(t, "policy.knock", somePolicy)
	s.write(t, "policy.trace", someTrace)
	want := result{
		Typed:   []any{0.0, 29.0, "unknown clause `wihtin`\nhint: did you mean `within`?"},
		Failed:  []any{4.0, 0.0, "wanted ssh open for 192.0.2.7, it is closed\nno grant for ssh: step 2 came at 1s, step 1 (10001) never came before"},
		Saved:   []string{"knock ssh < 10000 2345 -> 22 within 5s >"},
		Mended:  true,
		Hover:   "**within**",
		Clients: 1,
		Written: []string{"knock ssh < 10001 2345 -> 22 within 5s >"},
	}
	var got result
	s.run(t, script, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNeovimServes counts the buffers that are served.
func TestNeovimServes(t *testing.T) {
	const script = waiting + `
lua << END
function served(name)
  local buffer = vim.fn.bufnr(name)
  local n = 0
  for _, client in ipairs((vim.lsp.get_clients or vim.lsp.get_active_clients)()) do
    if vim.lsp.buf_is_attached(buffer, client.id) then
      n = n + 1
    end
  end
  return n
end
END
let g:knock_lsp = 0
edit off.knock
let off = luaeval('clients()')
unlet g:knock_lsp
edit a.knock
edit b.trace
edit other/c.knock
call luaeval('eventually(function() return clients() == 1 end)')
let files = map(['off.knock', 'a.knock', 'b.trace', 'other/c.knock'], 'luaeval("served(_A)", v:val)')
set filetype=text
let g:result = [off, files, luaeval('clients()'), luaeval('served("other/c.knock")')]
enew
set filetype=knock
let g:result += [luaeval('served("%")')]
`
	s := neovim.start(t)
	for _, folder := range []string{".git", "other"} {
		if err := os.Mkdir(filepath.Join(s.dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"off.knock", "a.knock", "b.trace", "other/c.knock"} {
		s.write(t, name, "")
	}
	want := []any{0.0, []any{0.0, 1.0, 1.0, 1.0}, 1.0, 0.0, 0.0}
	var got []any
	s.run(t, script, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
