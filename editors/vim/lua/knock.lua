-- Serves buffers with the language server of knockc, in Neovim 0.7 and later.

local M = {}

-- Clients by the folders that they were started for. Neovim 0.8 knows them itself.
local clients = {}

-- The client that serves a buffer.
local serving = {}

-- The folder of a file, or the nearest above that is under version control.
local function root(file)
  local own = vim.fn.fnamemodify(file, ':p:h')
  local folder, below = own, nil
  while folder ~= below do
    if vim.fn.getftype(folder .. '/.git') ~= '' then
      return folder
    end
    folder, below = vim.fn.fnamemodify(folder, ':h'), folder
  end
  return own
end

-- Neovim 0.10 can show beside each packet of a trace what came of it.
local function show_hints(_, buffer)
  if vim.lsp.inlay_hint and vim.bo[buffer].filetype == 'knocktrace' then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  end
end

-- What vim.lsp.start does in Neovim 0.8.
local function start(config)
  local folder = config.root_dir
  config.on_exit = function()
    clients[folder] = nil
  end
  clients[folder] = clients[folder] or vim.lsp.start_client(config)
  if clients[folder] then
    vim.lsp.buf_attach_client(0, clients[folder])
  end
  return clients[folder]
end

-- Serves the current buffer, if that is a file.
function M.start()
  local buffer = vim.api.nvim_get_current_buf()
  local file = vim.api.nvim_buf_get_name(buffer)
  if vim.bo[buffer].buftype ~= '' or file == '' or vim.fn.executable('knockc') == 0 then
    return
  end
  serving[buffer] = (vim.lsp.start or start)({
    name = 'knockc',
    cmd = { 'knockc', 'lsp' },
    root_dir = root(file),
    on_attach = show_hints,
  })
end

-- Serves the current buffer no longer.
function M.stop()
  local buffer = vim.api.nvim_get_current_buf()
  local client = serving[buffer]
  serving[buffer] = nil
  if client and vim.lsp.buf_is_attached(buffer, client) then
    vim.lsp.buf_detach_client(buffer, client)
  end
end

return M
