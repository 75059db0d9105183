let current_compiler = 'knock'

CompilerSet makeprg=knockc\ check\ %:S
CompilerSet errorformat=%E%f:%l:%c:\ error:\ %m,%W%f:%l:%c:\ warning:\ %m,%I%f:%l:%c:\ info:\ %m
CompilerSet errorformat+=%C\ \ \ \ hint:\ %m,%-C\ \ \ \ %.%#
