// As much of the module vscode as vscode-languageclient needs, for an editor without
// windows. Names and shapes are those of VS Code.

const { fileURLToPath, pathToFileURL } = require("node:url");

class EventEmitter {
  #listeners = new Set();
  event = (listener, self) => {
    const bound = listener.bind(self);
    this.#listeners.add(bound);
    return new Disposable(() => this.#listeners.delete(bound));
  };
  fire(what) {
    for (const listener of [...this.#listeners]) listener(what);
  }
  dispose() {
    this.#listeners.clear();
  }
}

class Disposable {
  constructor(dispose = () => {}) {
    this.dispose = dispose;
  }
  static from(...all) {
    return new Disposable(() => all.forEach((one) => one.dispose()));
  }
}

class CancellationTokenSource {
  #emitter = new EventEmitter();
  token = { isCancellationRequested: false, onCancellationRequested: this.#emitter.event };
  cancel() {
    this.token.isCancellationRequested = true;
    this.#emitter.fire();
  }
  dispose() {}
}

class Uri {
  constructor(text) {
    this.text = text;
    this.scheme = text.slice(0, text.indexOf(":"));
  }
  static file = (path) => new Uri(pathToFileURL(path).href);
  static parse = (text) => new Uri(text);
  get fsPath() {
    return this.scheme === "file" ? fileURLToPath(this.text) : this.text;
  }
  toString() {
    return this.text;
  }
}

class Position {
  constructor(line, character) {
    Object.assign(this, { line, character });
  }
}

class Range {
  constructor(...places) {
    const [start, end] = places.length === 4 ? [new Position(places[0], places[1]), new Position(places[2], places[3])] : places;
    Object.assign(this, { start, end });
  }
}

class Diagnostic {
  constructor(range, message, severity) {
    Object.assign(this, { range, message, severity });
  }
}

class TextEdit {
  constructor(range, newText) {
    Object.assign(this, { range, newText });
  }
}

class InlayHint {
  constructor(position, label) {
    Object.assign(this, { position, label });
  }
}

class Hover {
  constructor(contents, range) {
    Object.assign(this, { contents, range });
  }
}

class MarkdownString {
  constructor(value = "") {
    this.value = value;
  }
  appendMarkdown(more) {
    this.value += more;
    return this;
  }
}

class CodeActionKind {
  static Empty = new CodeActionKind("");
  constructor(value) {
    this.value = value;
  }
  append(part) {
    return new CodeActionKind(this.value === "" ? part : `${this.value}.${part}`);
  }
}

class Document {
  version = 1;
  constructor(uri, languageId, text) {
    Object.assign(this, { uri, languageId, text, fileName: uri.fsPath });
  }
  getText() {
    return this.text;
  }
  offsetAt({ line, character }) {
    return this.text.split("\n").slice(0, line).join("\n").length + (line > 0 ? 1 : 0) + character;
  }
  positionAt(offset) {
    const lines = this.text.slice(0, offset).split("\n");
    return new Position(lines.length - 1, lines.at(-1).length);
  }
}

/**
 * The module, and what a test sees and does of it: documents, settings, diagnostics,
 * providers, commands, and the messages that a person would see.
 */
function fake(manifest, folder, settings) {
  const emitters = {};
  const on = (name) => (emitters[name] ??= new EventEmitter());
  const seen = { documents: [], diagnostics: new Map(), providers: {}, commands: {}, messages: [], output: [], emitters };
  const noEvents = new EventEmitter().event;

  /** A part of the module: what is given, events, and functions that do nothing. */
  const part = (given) =>
    new Proxy(given, {
      get: (_, name) => given[name] ?? (/^on(Did|Will)/.test(name) ? on(name).event : () => new Disposable()),
    });
  const say = (message, ...choices) => {
    seen.messages.push({ message, choices });
    return Promise.resolve(undefined);
  };
  const log = (...what) => seen.output.push(what.join(" "));
  const channel = part({ append: log, appendLine: log, info: log, error: log, warn: log, onDidChangeLogLevel: noEvents, logLevel: 3 });
  const defaults = manifest.contributes.configuration.properties;

  const workspace = part({
    textDocuments: seen.documents,
    notebookDocuments: [],
    workspaceFolders: [{ uri: Uri.file(folder), name: "folder", index: 0 }],
    getConfiguration: (section = "", scope) => ({
      get(key, otherwise) {
        const name = section === "" ? key : `${section}.${key}`;
        const ofLanguage = manifest.contributes.configurationDefaults[`[${scope?.languageId}]`];
        return settings[name] ?? ofLanguage?.[name] ?? defaults[name]?.default ?? otherwise;
      },
    }),
    createFileSystemWatcher: () => part({ onDidCreate: noEvents, onDidChange: noEvents, onDidDelete: noEvents }),
    getWorkspaceFolder() {
      return this.workspaceFolders[0];
    },
    fs: {},
  });
  const languages = part({
    match: (selector, document) =>
      [selector].flat().some((s) => s.language === document.languageId && s.scheme === document.uri.scheme) ? 10 : 0,
    createDiagnosticCollection: () => ({
      set: (uri, found) => seen.diagnostics.set(uri.toString(), found),
      delete: (uri) => seen.diagnostics.delete(uri.toString()),
      clear: () => seen.diagnostics.clear(),
      dispose: () => seen.diagnostics.clear(),
    }),
  });
  for (const name of ["DocumentFormattingEdit", "InlayHints", "Hover"]) {
    languages[`register${name}Provider`] = (_, provider) => {
      seen.providers[name] = provider;
      return new Disposable(() => delete seen.providers[name]);
    };
  }
  const commands = part({
    registerCommand(name, run) {
      seen.commands[name] = run;
      return new Disposable(() => delete seen.commands[name]);
    },
  });
  const window = part({
    createOutputChannel: () => channel,
    showErrorMessage: say,
    showWarningMessage: say,
    showInformationMessage: say,
    visibleTextEditors: [],
    tabGroups: part({ all: [] }),
  });

  /** An enumeration or a class that no test looks into. */
  const unknown = () =>
    new Proxy(class {}, { get: (target, name) => target[name] ?? (typeof name === "string" ? 0 : undefined) });
  const module = {
    version: manifest.engines.vscode.slice(1),
    ...{ workspace, languages, commands, window, env: part({ appName: "a test", language: "en" }) },
    ...{ EventEmitter, Disposable, CancellationTokenSource, CancellationError: Error },
    ...{ Uri, Position, Range, Diagnostic, TextEdit, InlayHint, Hover, MarkdownString, CodeActionKind },
    DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 },
    LogLevel: { Off: 0, Trace: 1, Debug: 2, Info: 3, Warning: 4, Error: 5 },
  };
  return { seen, vscode: new Proxy(module, { get: (_, name) => (module[name] ??= unknown()) }) };
}

module.exports = { fake, Document, Uri, Range, CancellationTokenSource };
