// Runs a program with the extension in an editor without windows, and prints what the
// program returns, as JSON: node run.js EXTENSION FOLDER PROGRAM
// The program is the body of an asynchronous function of `editor`, `vscode` and `seen`.

const { readFileSync } = require("node:fs");
const Module = require("node:module");
const { extname, join } = require("node:path");
const { fake, Document, Uri, Range, CancellationTokenSource } = require("./vscode.js");

const [extension, folder, program] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(join(extension, "package.json"), "utf8"));
const settings = {};
const { seen, vscode } = fake(manifest, folder, settings);

const load = Module._load;
Module._load = (name, ...more) => (name === "vscode" ? vscode : load(name, ...more));
const { activate, deactivate } = require(join(extension, manifest.main));

function show(document) {
  seen.documents.push(document);
  seen.emitters.onDidOpenTextDocument?.fire(document);
  return document;
}

const editor = {
  start: () => activate({ subscriptions: [] }),

  /** A document that has no file. */
  create: (language, text) => show(new Document(Uri.parse("untitled:Untitled-1"), language, text)),

  open(name) {
    const language = manifest.contributes.languages.find((l) => l.extensions.includes(extname(name)));
    const path = join(folder, name);
    return show(new Document(Uri.file(path), language?.id ?? "plaintext", readFileSync(path, "utf8")));
  },

  /** Types text where another is, which is there once. */
  type(document, old, text) {
    const offset = document.text.indexOf(old);
    const range = new Range(document.positionAt(offset), document.positionAt(offset + old.length));
    document.text = document.text.replace(old, text);
    document.version++;
    const contentChanges = [{ range, rangeOffset: offset, rangeLength: old.length, text }];
    seen.emitters.onDidChangeTextDocument?.fire({ document, contentChanges });
  },

  set(name, value) {
    settings[name] = value;
    seen.emitters.onDidChangeConfiguration.fire({ affectsConfiguration: (section) => name.startsWith(section) });
  },

  /** Waits until something is true, and returns it. What waits for ever, a test ends. */
  async until(condition) {
    for (;;) {
      const value = condition();
      if (value) return value;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },

  /** What is found in a document, once it is other than before. */
  found(document, before) {
    return editor.until(() => {
      const found = seen.diagnostics.get(document.uri.toString());
      return found !== undefined && found !== before && found;
    });
  },

  async format(document) {
    const { token } = new CancellationTokenSource();
    const options = { tabSize: 4, insertSpaces: false };
    const edits = await seen.providers.DocumentFormattingEdit.provideDocumentFormattingEdits(document, options, token);
    const places = edits.map((e) => [document.offsetAt(e.range.start), document.offsetAt(e.range.end), e.newText]);
    return places.sort((a, b) => b[0] - a[0]).reduce((text, [start, end, n]) => text.slice(0, start) + n + text.slice(end), document.text);
  },

  hints(document) {
    const { token } = new CancellationTokenSource();
    const all = new Range(document.positionAt(0), document.positionAt(document.text.length));
    return seen.providers.InlayHints.provideInlayHints(document, all, token);
  },
};

const AsyncFunction = (async () => {}).constructor;
new AsyncFunction("editor", "vscode", "seen", program)(editor, vscode, seen)
  .then((result) => {
    console.log(JSON.stringify(result));
    return deactivate();
  })
  .then(() => process.exit(0));
