autocmd BufNewFile,BufRead *.knock setfiletype knock
autocmd BufNewFile,BufRead *.trace setfiletype knocktrace
