package editors_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVimShowsFindings opens and saves files in Vim, and looks at its screen and at the
// location list.
func TestVimShowsFindings(t *testing.T) {
	const script = `
function! Shown() abort
  redraw
  let lines = map(range(1, 2), {_, row -> trim(join(map(range(1, 49), 'screenstring(row, v:val)'), ''))})
  return {'screen': lines, 'list': map(getloclist(0), 'v:val.lnum . ":" . v:val.col . ":" . v:val.type . ": " . v:val.text[:21]')}
endfunction
set columns=50

edit broken.knock
let g:result = {'opened': Shown()}
call setline(2, 'knock b < 3000 1000 -> 23 >')
write
let g:result.warned = Shown()
call setline(2, 'knock b < 3000 1000 3000 -> 23 within 5s reset any >')
write
let g:result.mended = Shown()
edit broken.trace
let g:result.trace = Shown()
set filetype=text
let g:result.text = Shown()

call setloclist(0, [], ' ', {'title': 'mine', 'items': [{'text': 'mine'}]})
edit! bad.knock
let g:result.kept = Shown()
let g:knock_check = 0
edit off.knock
let g:result.off = Shown()
`
	type shown struct {
		Screen []string
		List   []string
	}
	s := editor{"vim", []string{"-N", "-u", "NONE", "--not-a-term", "-T", "ansi"}}.start(t)
	s.write(t, "broken.knock", "# two\nknock b < 3000 1000 -> 23 log \"é\" wihtin >\n")
	s.write(t, "broken.trace", "0s nonsense\n")
	s.write(t, "bad.knock", "knock b\n")
	s.write(t, "off.knock", "knock b\n")
	trace := shown{
		Screen: []string{"E>0s nonsense  expected a packet or `expect`, fou", "~"},
		List:   []string{"1:4:E: expected a packet or `"},
	}
	want := map[string]shown{
		"opened": {
			Screen: []string{"# two", "E>knock b < 3000 1000 -> 23 log \"é\" wihtin >  unk"},
			List:   []string{"2:36:E: unknown clause `wihtin"},
		},
		"warned": {
			Screen: []string{"# two", "W>knock b < 3000 1000 -> 23 >  this door opens to"},
			List:   []string{"2:11:W: this door opens to two"},
		},
		"mended": {
			Screen: []string{"# two", "knock b < 3000 1000 3000 -> 23 within 5s reset an"},
			List:   []string{},
		},
		"trace": trace,
		"text":  {Screen: []string{"0s nonsense", "~"}, List: trace.List},
		"kept":  {Screen: []string{"E>knock b  knock `b` has no `<` after its name", "~"}, List: []string{"0:0:: mine"}},
		"off":   {Screen: []string{"knock b", "~"}, List: []string{"0:0:: mine"}},
	}
	var got map[string]shown
	s.run(t, script, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
