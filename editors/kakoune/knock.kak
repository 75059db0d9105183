# Policies (*.knock) and traces (*.trace) of knockc: highlighting, what `knockc check` finds
# when a file is opened or saved, and `knockc fmt` before it is saved.

declare-option -docstring 'whether policies and traces are formatted before they are saved' \
    bool knock_format_on_save true

declare-option -hidden str knock_lines %{awk '
    /^[^ ]/ { if (line) print line; line = $0 }
    /^    hint: / { line = line " (" substr($0, 11) ")" }
    END { if (line) print line }'}

hook global BufCreate .+\.knock %{ set-option buffer filetype knock }
hook global BufCreate .+\.trace %{ set-option buffer filetype knocktrace }

# Kakoune 2022 would write an empty line if a text that has changed ended with a line feed.
hook global BufSetOption filetype=knock %{
    set-option buffer formatcmd 'fmt_policy() { out=$(knockc fmt -stdin-name policy.knock) && printf %s "$out"; }; fmt_policy'
    set-option buffer lintcmd "lint_policy() { knockc check ""$1"" | %opt{knock_lines}; }; lint_policy"
}

# A trace names its policy, so it has to be checked where it is.
hook global BufSetOption filetype=knocktrace %{
    set-option buffer formatcmd 'fmt_trace() { out=$(knockc fmt -stdin-name trace.trace) && printf %s "$out"; }; fmt_trace'
    set-option buffer lintcmd "lint_trace() { knockc check ""$kak_buffile"" | %opt{knock_lines}; }; lint_trace"
}

hook global BufSetOption filetype=(knock|knocktrace) %{ set-option buffer comment_line '#' }

hook global BufWritePre .+\.(knock|trace) knock-format
hook global BufWritePost .+\.(knock|trace) knock-check

hook global WinSetOption filetype=(knock|knocktrace) %{
    require-module knock
    add-highlighter "window/%val{hook_param_capture_1}" ref %val{hook_param_capture_1}
    hook -group knock -once window WinDisplay .* knock-check
    hook -once -always window WinSetOption filetype=.* %{
        remove-hooks window knock
        try %{ remove-highlighter window/knock }
        try %{ remove-highlighter window/knocktrace }
    }
    knock-check
}

# Without knockc, or with errors in the text, the file is saved as it is.
define-command -hidden knock-format %{
    evaluate-commands %sh{
        if [ "$kak_opt_knock_format_on_save" = true ] && command -v knockc >/dev/null; then
            echo 'try format-buffer'
        fi
    }
}

# What is found is shown in the window of a client, which a new window does not have yet.
define-command -hidden knock-check %{
    evaluate-commands %sh{
        if [ -n "$kak_client" ] && [ -f "$kak_buffile" ] && command -v knockc >/dev/null; then
            echo lint-buffer
        fi
    }
}

provide-module knock %{
    add-highlighter shared/knock regions
    add-highlighter shared/knock/comment region '#' '$' fill comment
    add-highlighter shared/knock/string region '"' '"|$' fill string
    add-highlighter shared/knock/code default-region group
    add-highlighter shared/knock/code/word regex '(?<![\w.-])(?:(hook|priority|default|refuse|open|size|trust|defaults)|(within|total|grant|once|reset|close|from|on|at|key|period|ahead|per|log)|(none|known|any|revoke|forever|accept|drop|reject|prerouting|input)|(tcp|udp|ping|otp))(?![\w.])(?!-[^>])' 1:keyword 2:attribute 3:value 4:type
    add-highlighter shared/knock/code/interface regex '(?<![\w.-])[a-zA-Z_][\w.@-]*(?:[0-9][\w.@-]*(?<!-)|\*)' 0:variable
    add-highlighter shared/knock/code/number regex '(?<![\w.:-])-?\d+(?:-\d+)?(?![\w.:])' 0:value
    add-highlighter shared/knock/code/duration regex '(?<![\w.])(?:\d+(?:\.\d+)?(?:ms|[dhms]))+(?![\w.])' 0:value
    add-highlighter shared/knock/code/address regex '(?<![\w.:])(?:\d+(?:\.\d+){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)(?:/\d+)?' 0:value
    add-highlighter shared/knock/code/operator regex '->|[<>/]' 0:operator
    add-highlighter shared/knock/code/name regex '(?<![\w.-])(knock)\s+([a-zA-Z]\w*(?:-+\w+)*)' 1:keyword 2:function
    add-highlighter shared/knock/code/table regex '(?<![\w.-])(table)\s+([a-zA-Z]\w*(?:-+\w+)*)' 1:keyword 2:variable

    add-highlighter shared/knocktrace regions
    add-highlighter shared/knocktrace/comment region '#' '$' fill comment
    add-highlighter shared/knocktrace/string region '"' '"|$' fill string
    add-highlighter shared/knocktrace/code default-region group
    add-highlighter shared/knocktrace/code/word regex '(?<![\w.-])(?:(on|every|reverse|shuffle|unanswered|answered|to|at|for|otp)|(syn|ack|fin|rst|psh|urg|null|tcp|udp|ping)|(open|closed|accept|drop|reject|pass))(?![\w.-])' 1:attribute 2:type 3:value
    add-highlighter shared/knocktrace/code/interface regex '(?<![\w.-])[a-zA-Z_][\w.@-]*[0-9][\w.@-]*' 0:variable
    add-highlighter shared/knocktrace/code/number regex '(?<![\w.:-])\+?\d+(?:-\d+)?(?![\w.:])' 0:value
    add-highlighter shared/knocktrace/code/duration regex '\+?(?<![\w.])(?:\d+(?:\.\d+)?(?:[mun]s|[dhms]))+(?![\w.])' 0:value
    add-highlighter shared/knocktrace/code/address regex '(?<![\w.:])(?:\d+(?:\.\d+){3}(?::\d+)?|[0-9a-fA-F]*:[0-9a-fA-F:.]*|\[[0-9a-fA-F:.]+\](?::\d+)?)' 0:value
    add-highlighter shared/knocktrace/code/operator regex '->|=>|/' 0:operator
    add-highlighter shared/knocktrace/code/policy regex '^\h*(policy)\h+([^#\n]+)' 1:keyword 2:string
    add-highlighter shared/knocktrace/code/start regex '^\h*(start)\h+([0-9TZ:-]*)' 1:keyword 2:value
    add-highlighter shared/knocktrace/code/expect regex '(?<![\w.-])(expect)\h+([a-zA-Z]\w*(?:-+\w+)*)' 1:keyword 2:function
}
