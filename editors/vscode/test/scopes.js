// Prints the scopes at places of a file, as JSON: node scopes.js GRAMMAR FILE PLACES
// GRAMMAR is a file, PLACES a JSON array of lines and columns, which count from 1.

const { readFileSync } = require("node:fs");
const oniguruma = require("vscode-oniguruma");
const { INITIAL, parseRawGrammar, Registry } = require("vscode-textmate");

const [grammarFile, file, places] = process.argv.slice(2);

async function main() {
  await oniguruma.loadWASM(readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm")));
  const raw = parseRawGrammar(readFileSync(grammarFile, "utf8"), grammarFile);
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => raw,
  });
  const grammar = await registry.loadGrammar(raw.scopeName);
  let state = INITIAL;
  const lines = readFileSync(file, "utf8").split("\n").map((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    return tokens;
  });
  const at = ([line, column]) => lines[line - 1].find((t) => t.startIndex < column && column <= t.endIndex).scopes;
  console.log(JSON.stringify(JSON.parse(places).map((place) => at(place).at(-1))));
}

main();
