" What policies and traces share: options, formatting through `knockc fmt`, and findings:
" Neovim has them of the language server, Vim of `knockc check`.

let s:title = 'knockc fmt'

function! knock#setup() abort
  setlocal commentstring=#\ %s comments=:#
  compiler knock
  command! -buffer -bar KnockFmt call knock#format() | call knock#report()
  augroup knock
    autocmd! * <buffer>
    autocmd BufWritePre <buffer> if get(g:, 'knock_fmt_on_save', 1) | call knock#format() | endif
    autocmd BufWritePost <buffer> if get(g:, 'knock_fmt_on_save', 1) | call knock#report() | endif
  augroup END
  let b:undo_ftplugin = 'setlocal commentstring< comments< makeprg< errorformat<'
  let b:undo_ftplugin .= ' | unlet! b:current_compiler | delcommand KnockFmt | autocmd! knock * <buffer>'
  if has('nvim-0.7') && get(g:, 'knock_lsp', 1)
    lua require('knock').start()
    let b:undo_ftplugin = 'call luaeval("require([[knock]]).stop()") | ' . b:undo_ftplugin
  elseif !has('nvim') && exists('*sign_place') && get(g:, 'knock_check', 1)
    autocmd knock BufWritePost <buffer> call knock#check#run()
    call knock#check#run()
    let b:undo_ftplugin = 'call knock#check#clear() | ' . b:undo_ftplugin
  endif
endfunction

" Formats the buffer. If that cannot be, the buffer stays as it is, and the
" location list says why.
function! knock#format() abort
  if !&modifiable
    return
  endif
  let log = tempname()
  let command = 'knockc fmt -stdin-name ' . shellescape(s:name()) . ' 2>' . shellescape(log)
  let lines = systemlist(command, getline(1, '$') + [''])
  let failed = v:shell_error
  let messages = filereadable(log) ? readfile(log) : []
  call delete(log)
  call s:list(failed ? s:findings(messages) : [])
  if failed
    return
  endif
  let text = s:text_to_cursor()
  call s:replace(lines)
  if text > 0
    call s:move_cursor(text)
  endif
  setlocal nobomb fileformat=unix
endfunction

" Says in one line what the location list begins with.
function! knock#report() abort
  let list = getloclist(0, {'title': 1, 'items': 1})
  if list.title !=# s:title || empty(list.items)
    return
  endif
  let first = list.items[0]
  let place = first.lnum ? ' line ' . first.lnum . ':' : ''
  redraw
  echohl WarningMsg
  echomsg strcharpart('knockc fmt (:lopen):' . place . ' ' . split(first.text, "\n")[0], 0, v:echospace)
  echohl None
endfunction

" The buffer's name with the ending that tells knockc what to expect.
function! s:name() abort
  let ending = &filetype ==# 'knocktrace' ? '.trace' : '.knock'
  let name = expand('%:p')
  return name[-len(ending):] ==# ending ? name : name . ending
endfunction

" Shows items in the location list, unless there are none and it shows
" something else.
function! s:list(items) abort
  let ours = getloclist(0, {'title': 1}).title ==# s:title
  if ours || !empty(a:items)
    call setloclist(0, [], ours ? 'r' : ' ', {'title': s:title, 'items': a:items})
  endif
endfunction

" The items for the location list in what knockc printed. It counts columns in
" characters, Vim in bytes.
function! s:findings(messages) abort
  let items = []
  for message in a:messages
    let m = matchlist(message, ':\(\d\+\):\(\d\+\): \(error\|warning\|info\): \(.*\)$')
    if !empty(m)
      let col = byteidxcomp(getline(+m[1]), m[2] - 1) + 1
      call add(items, {'bufnr': bufnr('%'), 'lnum': +m[1], 'col': col, 'type': toupper(m[3][0]), 'text': m[4]})
    elseif empty(items)
      call add(items, {'bufnr': bufnr('%'), 'text': message})
    elseif message =~# '^    hint: '
      let items[-1].text .= "\n" . message[4:]
    endif
  endfor
  return empty(items) ? [{'bufnr': bufnr('%'), 'text': 'knockc failed'}] : items
endfunction

function! s:bare(line) abort
  return substitute(a:line, '[ \t\r]\+', '', 'g')
endfunction

" Makes the buffer hold the lines. Both have the same text but for white space,
" so lines that only move are not touched, and marks move with them.
function! s:replace(lines) abort
  let lnum = 1
  for line in a:lines
    let bare = s:bare(line)
    while lnum < line('$') && s:begins(s:bare(getline(lnum)), bare)
      call setline(lnum + 1, getline(lnum) . getline(lnum + 1))
      silent call deletebufline('%', lnum)
    endwhile
    let old = s:bare(getline(lnum))
    if s:begins(bare, old) && bare !=# ''
      call append(lnum, old[len(bare):])
      call setline(lnum, line)
    elseif lnum > line('$') || old !=# bare
      call append(lnum - 1, line)
    elseif getline(lnum) !=# line
      call setline(lnum, line)
    endif
    let lnum += 1
  endfor
  if lnum <= line('$')
    silent call deletebufline('%', lnum, '$')
  endif
endfunction

function! s:begins(part, whole) abort
  return a:part !=# a:whole && stridx(a:whole, a:part) == 0
endfunction

" How many bytes other than white space stand up to the cursor, at least up to
" the first one in its line; 0 on a blank line.
function! s:text_to_cursor() abort
  if getline('.') !~# '[^ \t\r]'
    return 0
  endif
  let before = s:bare(join(getline(1, line('.') - 1), ''))
  let here = s:bare(strpart(getline('.'), 0, col('.')))
  return len(before) + max([1, len(here)])
endfunction

function! s:move_cursor(text) abort
  let left = a:text
  for lnum in range(1, line('$'))
    let line = getline(lnum)
    let length = len(s:bare(line))
    if left > length
      let left -= length
      continue
    endif
    for i in range(len(line))
      let left -= line[i] !~# '[ \t\r]'
      if left == 0
        call cursor(lnum, i + 1)
        return
      endif
    endfor
  endfor
endfunction
