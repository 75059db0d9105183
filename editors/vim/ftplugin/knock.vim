if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

call knock#setup()
setlocal noexpandtab
let b:undo_ftplugin = 'setlocal expandtab< | ' . b:undo_ftplugin
