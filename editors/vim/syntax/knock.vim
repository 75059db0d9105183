" Policies of knockc. No word is reserved: a knock may be called `open`, so a
" word is highlighted where it means something.

if exists('b:current_syntax')
  finish
endif

syntax sync fromstart
syntax iskeyword @,48-57,_,-,.,:,@-@,*

syntax match knockComment /#.*/ contains=@Spell
syntax match knockComment /# knockc:ignore\>.*/ contains=knockIgnore,@Spell
syntax match knockIgnore /# knockc:ignore\>/ contained
syntax match knockString /"[^"]*"/

syntax match knockInterface /\<\h[0-9A-Za-z_.@-]*[0-9][0-9A-Za-z_.@-]*\>/
syntax match knockInterface /\<\h[0-9A-Za-z_.@-]*\*/

syntax match knockOperator +->\|[-/]+
syntax match knockNumber /\<\d\+/
syntax match knockError /\<0\d\+/ contained
syntax match knockError /\<\%(6553[6-9]\|655[4-9]\d\|65[6-9]\d\d\|6[6-9]\d\{3}\|[7-9]\d\{4}\|\d\{6,}\)/ contained
syntax match knockError /[,;=]/ contained
syntax match knockError /"[^"]*$/ contained
syntax match knockRange /\<\d\+-\d\+/
syntax match knockDuration /\<\%(\d\+\%(\.\d\+\)\=\%(ms\|[dhms]\)\)\+\>/ contained
syntax match knockPrefix +\<\d\{1,3}\%(\.\d\{1,3}\)\{3}\%(/\d\+\)\=+
syntax match knockPrefix +\<[0-9a-fA-F]*:[0-9a-fA-F:.]*\%(/\d\+\)\=+

" Declarations.
syntax keyword knockKeyword knock nextgroup=knockName skipwhite skipempty
syntax keyword knockSetting table nextgroup=knockTable skipwhite skipempty
syntax keyword knockSetting priority size nextgroup=knockInteger skipwhite skipempty
syntax keyword knockSetting hook nextgroup=knockHook skipwhite skipempty
syntax keyword knockSetting default nextgroup=knockDefault skipwhite skipempty
syntax keyword knockSetting refuse nextgroup=knockRefuse skipwhite skipempty
syntax keyword knockSetting open trust defaults
syntax match knockName /\a\w*\%(-\+\w\+\)*/ contained
syntax match knockTable /\a\w*\%(-\+\w\+\)*/ contained
syntax match knockInteger /-\=\d\+/ contained
syntax keyword knockHook prerouting input contained
syntax keyword knockDefault accept drop contained
syntax keyword knockRefuse drop reject contained

syntax keyword knockProtocol tcp udp otp
syntax match knockProtocol /\<ping\%(->\|\>\)\@=/ contained

" A body ends with its `>`, or where the next knock begins if that is missing.
syntax region knockBody matchgroup=knockOperator start=/</ end=/>/ end=/^\ze\s*knock\s\+\k\+\s*</ contains=knockComment,knockString,knockInterface,knockOperator,knockNumber,knockError,knockRange,knockDuration,knockPrefix,knockProtocol,knockClause

" Of these two, `open` has some as well.
syntax keyword knockClause from on
syntax keyword knockClause within once close at key period ahead per contained
syntax keyword knockClause total log nextgroup=knockNone skipwhite skipempty contained
syntax keyword knockClause grant nextgroup=knockForever skipwhite skipempty contained
syntax keyword knockClause reset nextgroup=knockReset skipwhite skipempty contained
syntax keyword knockNone none contained
syntax keyword knockForever forever contained
syntax keyword knockReset none contained
syntax keyword knockReset known any nextgroup=knockRevoke skipwhite skipempty contained
syntax keyword knockRevoke revoke contained

highlight default link knockComment Comment
highlight default link knockIgnore SpecialComment
highlight default link knockString String
highlight default link knockInterface Identifier
highlight default link knockOperator Operator
highlight default link knockNumber Number
highlight default link knockRange Number
highlight default link knockDuration Number
highlight default link knockInteger Number
highlight default link knockPrefix Constant
highlight default link knockError Error
highlight default link knockKeyword Keyword
highlight default link knockSetting Keyword
highlight default link knockName Function
highlight default link knockTable Identifier
highlight default link knockProtocol Type
highlight default link knockClause Statement
highlight default link knockHook Constant
highlight default link knockDefault Constant
highlight default link knockRefuse Constant
highlight default link knockNone Constant
highlight default link knockForever Constant
highlight default link knockReset Constant
highlight default link knockRevoke Constant

let b:current_syntax = 'knock'
