// Package lang reads and writes the knock policy language.
//
// A policy is text such as
//
//	knock ssh < 10000 2345 3456 1234 -> 22 within 5s grant 10s >
//
// Begin with [Examine], which reads a policy and checks it, or with [Format].
//
// Reading it takes three steps. Each reports everything that it finds and goes on:
//
//	text --lex--> tokens --parse--> Policy --check--> findings
//
// The lexer never fails: text that it cannot read becomes a Bad token and a finding.
// The parser cuts the tokens into declarations, so that a mistake in one does not hide
// mistakes in the next. It parses each with a liberal grammar that accepts any value in
// any clause. Only then does it check words and values against the language. That order
// makes messages such as "unknown clause `wihtin`, did you mean `within`?" possible.
//
// Mistakes are data: a [Finding] has a code, a severity, a [Span] of the text,
// one sentence and often a hint. [Finding.Render] shows it to a person.
//
// [Format] prints the same tokens and decides only about the white space between them,
// so it cannot change what a policy means.
//
// The package does not know about nftables.
package lang
