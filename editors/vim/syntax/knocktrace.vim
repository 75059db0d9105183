" Traces of knockc: a line is a time and what happens then.

if exists('b:current_syntax')
  finish
endif

syntax iskeyword @,48-57,_,-,.,:,@-@,*

syntax match knocktraceComment /#.*/ contains=@Spell

syntax match knocktracePolicy /^\s*\zspolicy\>/ nextgroup=knocktraceFile skipwhite
syntax match knocktracePolicy /^\s*\zsstart\>/ nextgroup=knocktraceStart skipwhite
syntax match knocktraceStart /[0-9TZ:-]\+/ contained
syntax match knocktraceFile /"[^"]*"\|[^"# \t][^# \t]*\%(\s\+[^# \t]\+\)*/ contained

syntax match knocktraceTime /^\s*\zs+\=\d\+\%(\.\d\+\)\=/ nextgroup=knocktraceExpect,knocktraceSource skipwhite
syntax match knocktraceTime /^\s*\zs+\=\%(\d\+\%(\.\d\+\)\=\%(ms\|us\|ns\|[dhms]\)\)\+\>/ nextgroup=knocktraceExpect,knocktraceSource skipwhite

syntax keyword knocktraceExpect expect nextgroup=knocktraceName skipwhite contained
syntax match knocktraceName /\a\w*\%(-\+\w\+\)*/ nextgroup=knocktraceState,knocktraceAt skipwhite contained
syntax keyword knocktraceState open closed nextgroup=knocktraceFor skipwhite contained
syntax keyword knocktraceAt at nextgroup=knocktraceStep skipwhite contained
syntax match knocktraceStep /\d\+/ nextgroup=knocktraceFor skipwhite contained
syntax keyword knocktraceFor for nextgroup=knocktraceSource skipwhite contained

syntax match knocktraceSource /\d\{1,3}\%(\.\d\{1,3}\)\{3}\%(:\d\+\)\=/ nextgroup=knocktracePacket skipwhite contained
syntax match knocktraceSource /[0-9a-fA-F]*:[0-9a-fA-F:.]*/ nextgroup=knocktracePacket skipwhite contained
syntax match knocktraceSource /\[[0-9a-fA-F:.]\+\]\%(:\d\+\)\=/ nextgroup=knocktracePacket skipwhite contained

syntax region knocktracePacket matchgroup=knocktraceOperator start=/->/ end=/$/ contains=knocktraceComment,knocktraceString,knocktraceOperator,knocktraceArrow,knocktraceNumber,knocktraceRange,knocktraceDuration,knocktraceProtocol,knocktraceAttribute,knocktraceFlag,knocktraceInterface contained
syntax match knocktraceString /"[^"]*"/ contained
syntax match knocktraceInterface /\<\h[0-9A-Za-z_.@-]*[0-9][0-9A-Za-z_.@-]*\>/ contained
syntax match knocktraceOperator +/+ contained
syntax match knocktraceArrow /=>/ nextgroup=knocktraceVerdict skipwhite contained
syntax match knocktraceNumber /\<\d\+/ contained
syntax match knocktraceRange /\<\d\+-\d\+/ contained
syntax match knocktraceDuration /\<\%(\d\+\%(\.\d\+\)\=\%(ms\|us\|ns\|[dhms]\)\)\+\>/ contained
syntax keyword knocktraceProtocol tcp udp ping contained
syntax keyword knocktraceAttribute on every reverse shuffle unanswered answered contained
syntax keyword knocktraceAttribute to nextgroup=knocktraceAddress skipwhite contained
syntax match knocktraceAddress /[0-9a-fA-F]*[.:][0-9a-fA-F:.]*/ contained
syntax keyword knocktraceAttribute otp nextgroup=knocktraceKnock skipwhite contained
syntax match knocktraceKnock /\a\w*\%(-\+\w\+\)*/ contained
syntax keyword knocktraceFlag syn ack fin rst psh urg null contained
syntax keyword knocktraceVerdict accept drop reject pass contained

highlight default link knocktraceComment Comment
highlight default link knocktracePolicy Keyword
highlight default link knocktraceFile String
highlight default link knocktraceString String
highlight default link knocktraceTime Number
highlight default link knocktraceStart Number
highlight default link knocktraceKnock Function
highlight default link knocktraceExpect Keyword
highlight default link knocktraceName Function
highlight default link knocktraceState Constant
highlight default link knocktraceAt Statement
highlight default link knocktraceStep Number
highlight default link knocktraceFor Statement
highlight default link knocktraceSource Constant
highlight default link knocktraceAddress Constant
highlight default link knocktraceOperator Operator
highlight default link knocktraceArrow Operator
highlight default link knocktraceNumber Number
highlight default link knocktraceRange Number
highlight default link knocktraceDuration Number
highlight default link knocktraceProtocol Type
highlight default link knocktraceAttribute Statement
highlight default link knocktraceInterface Identifier
highlight default link knocktraceFlag Special
highlight default link knocktraceVerdict Constant

let b:current_syntax = 'knocktrace'
