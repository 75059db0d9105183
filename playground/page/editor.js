// A text field with findings, what the packets of lines did, and completion.
import { EditorState, StateEffect, StateField, Compartment } from "@codemirror/state";
import { EditorView, Decoration, WidgetType, keymap, lineNumbers, drawSelection } from "@codemirror/view";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { setDiagnostics, nextDiagnostic, previousDiagnostic } from "@codemirror/lint";
import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const setBeside = StateEffect.define();

// Beside is what a line did, behind its end.
class Beside extends WidgetType {
  constructor(line) { super(); this.line = line; }
  eq(other) { return other.line.text === this.line.text && other.line.before === this.line.before; }
  toDOM() {
    const e = document.createElement("span");
    const verdict = this.line.text.split(/[ ,]/)[0];
    e.className = `beside ${verdict === "it" ? "fails" : verdict}`;
    e.textContent = this.line.text;
    if (this.line.before) e.title = this.line.before;
    return e;
  }
}

const besideField = StateField.define({
  create: () => Decoration.none,
  update(shown, change) {
    shown = shown.map(change.changes);
    for (const e of change.effects) {
      if (!e.is(setBeside)) continue;
      const doc = change.state.doc;
      shown = Decoration.set(e.value.filter((l) => l.line <= doc.lines).map((l) =>
        Decoration.widget({ widget: new Beside(l), side: 1 }).range(doc.line(l.line).to)), true);
    }
    return shown;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--paper)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { color: "var(--soft)", backgroundColor: "var(--field)", borderRight: "1px solid var(--line)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--step)" },
  ".cm-tooltip": { color: "var(--ink)", backgroundColor: "var(--field)", border: "1px solid var(--edge)", borderRadius: "4px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--step-ink)", backgroundColor: "var(--step)" },
  ".cm-diagnostic": { borderLeftColor: "var(--fail)", whiteSpace: "pre-line" },
  ".cm-diagnosticAction": { color: "var(--paper)", backgroundColor: "var(--accept)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--fail) 1.5px", textUnderlineOffset: "3px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--reject) 1.5px", textUnderlineOffset: "3px" },
  ".cm-lintRange-info": { backgroundImage: "none", textDecoration: "underline dotted var(--soft)", textUnderlineOffset: "3px" },
});

const highlighting = syntaxHighlighting(HighlightStyle.define([
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: tags.keyword, color: "var(--accept)", fontWeight: "600" },
  { tag: tags.number, color: "var(--depends)" },
  { tag: tags.string, color: "var(--reject)" },
]));

// language colours the words of a policy or a trace.
function language(words) {
  const known = new Set(words);
  return StreamLanguage.define({
    token(stream) {
      if (stream.eatSpace()) return null;
      if (stream.match(/^#.*/)) return "comment";
      if (stream.match(/^"[^"]*"?/)) return "string";
      if (stream.match(/^[[]?[0-9][0-9A-Za-z.:/\]-]*|^[0-9A-Fa-f]*:[0-9A-Fa-f:.\]/]+|^\+[0-9.a-z]+/)) return "number";
      const word = stream.match(/^[A-Za-z_][0-9A-Za-z_.-]*/);
      if (word) return known.has(word[0]) ? "keyword" : null;
      stream.next();
      return null;
    },
  });
}

export class Editor {
  constructor(parent, label, changed, moved) {
    this.language = new Compartment();
    this.completion = new Compartment();
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        extensions: [
          lineNumbers(), history(), drawSelection(), besideField, theme, highlighting,
          this.language.of([]), this.completion.of([]),
          EditorState.tabSize.of(8),
          matchMedia("(max-width: 56rem)").matches ? EditorView.lineWrapping : [], // else what is beside a line is far away
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
          keymap.of([{ key: "F8", run: nextDiagnostic }, { key: "Shift-F8", run: previousDiagnostic }, ...completionKeymap, ...defaultKeymap, ...historyKeymap]),
          EditorView.updateListener.of((u) => {
            if (u.docChanged) changed();
            if (u.selectionSet) moved(this.line);
          }),
        ],
      }),
    });
  }

  get text() { return this.view.state.doc.toString(); }
  set text(text) {
    if (text !== this.text) this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  // line is that of the cursor.
  get line() {
    const { doc, selection } = this.view.state;
    return doc.lineAt(selection.main.head).number;
  }

  // know sets the words of the language, and what completes a text before the cursor.
  know(words, candidates) {
    const source = async (c) => {
      const word = c.matchBefore(/[A-Za-z_][0-9A-Za-z_]*/);
      if (!word && !c.explicit) return null;
      const from = word ? word.from : c.pos;
      const options = await candidates(c.state.sliceDoc(0, from));
      return options.length ? { from, options: [...new Set(options)].map((label) => ({ label, type: "keyword" })), validFor: /^\w*$/ } : null;
    };
    this.view.dispatch({ effects: [
      this.language.reconfigure(language(words)),
      this.completion.reconfigure(autocompletion({ override: [source], icons: false })),
    ] });
  }

  edit(e) {
    this.view.dispatch({ changes: { from: e.from, to: e.to, insert: e.text }, selection: { anchor: e.from + e.text.length } });
    this.view.focus();
  }

  goTo(from) {
    this.view.dispatch({ selection: { anchor: Math.min(from, this.view.state.doc.length) }, scrollIntoView: true });
    this.view.focus();
  }

  // show underlines findings, and tells beside lines what they did.
  show(findings, beside) {
    const end = this.view.state.doc.length;
    this.view.dispatch(setDiagnostics(this.view.state, findings.map((f) => ({
      from: Math.min(f.from, end), to: Math.min(f.to, end), severity: f.severity,
      message: f.hint ? `${f.message}\nhint: ${f.hint}` : f.message,
      actions: f.fix ? [{ name: "Mend", apply: () => this.edit(f.fix) }] : [],
    }))));
    this.view.dispatch({ effects: setBeside.of(beside) });
  }
}
