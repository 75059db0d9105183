" Shows in Vim what `knockc check` finds: a sign and the message at the line, and all in the
" location list.

let s:title = 'knockc check'
let s:kinds = {'error': 'knockError', 'warning': 'knockWarning'}

call sign_define('knockError', {'text': 'E>', 'texthl': 'ErrorMsg'})
call sign_define('knockWarning', {'text': 'W>', 'texthl': 'WarningMsg'})
highlight default link knockErrorText WarningMsg
highlight default link knockWarningText Comment
if has('patch-9.0.0121')
  call prop_type_add('knockError', {'highlight': 'knockErrorText'})
  call prop_type_add('knockWarning', {'highlight': 'knockWarningText'})
endif

" Checks the file of the buffer, unless the buffer has other text.
function! knock#check#run() abort
  if &modified || !filereadable(expand('%:p')) || !executable('knockc')
    return
  endif
  call knock#check#clear()
  let items = []
  for line in systemlist('knockc check -json ' . shellescape(expand('%:p')))
    if line[0] ==# '{'
      call add(items, s:show(json_decode(line)))
    endif
  endfor
  call s:list(items)
endfunction

" Takes away what was shown of the buffer.
function! knock#check#clear() abort
  call sign_unplace('knock', {'buffer': bufnr('%')})
  if has('patch-9.0.0121')
    call prop_remove({'types': values(s:kinds), 'all': 1})
  endif
endfunction

" Shows a finding at its line, and returns its item for the location list. knockc counts
" columns in characters.
function! s:show(finding) abort
  let kind = s:kinds[a:finding.severity]
  let lnum = min([a:finding.line, line('$')])
  call sign_place(0, 'knock', kind, bufnr('%'), {'lnum': lnum, 'priority': kind ==# 'knockError' ? 20 : 15})
  if has('patch-9.0.0121')
    call prop_add(lnum, 0, {'type': kind, 'text': a:finding.message, 'text_align': 'after', 'text_padding_left': 2})
  endif
  let text = a:finding.message . ' [' . a:finding.code . ']'
  if has_key(a:finding, 'hint')
    let text .= "\nhint: " . a:finding.hint
  endif
  let col = byteidxcomp(getline(lnum), a:finding.column - 1) + 1
  return {'bufnr': bufnr('%'), 'lnum': lnum, 'col': col, 'type': toupper(a:finding.severity[0]), 'text': text}
endfunction

" Lists the findings, unless the location list has something of the user.
function! s:list(items) abort
  let list = getloclist(0, {'title': 1, 'size': 1})
  if list.title =~# '^knockc ' || list.size == 0 && !empty(a:items)
    call setloclist(0, [], list.size == 0 ? ' ' : 'r', {'title': s:title, 'items': a:items})
  endif
endfunction
