// What was found, in words.
import knockcDrawing from "../../timeline/drawing.js";

function element(name, className, text) {
  const e = document.createElement(name);
  e.className = className;
  e.textContent = text;
  return e;
}

function button(className, text, label, act) {
  const b = element("button", className, text);
  b.type = "button";
  b.setAttribute("aria-label", label);
  b.addEventListener("click", act);
  return b;
}

const words = { error: "", warning: "warning: ", info: "" };

// showFindings lists the findings of a text below its field. Notes, which good policies have
// too, are folded.
export function showFindings(box, text, editor) {
  const items = (some) => {
    const list = element("ul", "findings", "");
    list.append(...some.map((f) => item(f, editor)));
    return list;
  };
  const notes = text.findings.filter((f) => f.severity === "info");
  const others = text.findings.filter((f) => f.severity !== "info");
  const list = items(others);
  if (text.more) list.append(element("li", "info", `and ${text.more} more`));
  const folded = box.querySelector("details") || document.createElement("details");
  folded.replaceChildren(element("summary", "", plural(notes.length, "note")), items(notes));
  folded.hidden = notes.length === 0;
  box.replaceChildren(list, folded);
}

function item(f, editor) {
  const li = element("li", f.severity, "");
  const said = element("span", "what", words[f.severity] + f.message);
  if (f.hint) said.append(" ", element("span", "hint", f.hint));
  li.append(button("where", `line ${f.line}`, `Go to line ${f.line}`, () => editor.goTo(f.from)), said);
  if (f.fix) li.append(button("mend", "Mend", `Mend line ${f.line}: ${f.hint}`, () => editor.edit(f.fix)));
  return li;
}

const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// summary is the result in a sentence or two.
export function summary(reply) {
  const errors = reply.policy.findings.filter((f) => f.severity === "error").length;
  if (errors) return { bad: true, text: `The policy has ${plural(errors, "error")}, so nothing is replayed. What stands below is older.` };
  const r = reply.replay;
  if (!r) return { bad: true, text: "The trace cannot be replayed." };
  const parts = Object.entries(r.counts).filter(([, n]) => n).map(([what, n]) => (what === "depends" ? `${n} depending on the tick` : `${n} ${what}`));
  let text = `${plural(parts.length ? Object.values(r.counts).reduce((a, b) => a + b) : 0, "packet")}${parts.length ? `: ${parts.join(", ")}` : ""}. `;
  if (r.failed) text += `${r.failed} of ${plural(r.held + r.failed, "expectation")} failed.`;
  else if (r.held) text += r.held === 1 ? "Its expectation holds." : `All ${r.held} expectations hold.`;
  else text += "The trace expects nothing.";
  if (r.errors.length) text += " The trace has errors, so its other lines were not replayed.";
  return { bad: r.failed > 0 || r.errors.length > 0, text };
}

// showKnocks shows the knocks as machines of states, and what no packet has met.
export function showKnocks(panel, reply) {
  knockcDrawing.machines(panel.querySelector(".machines"), reply.knocks);
  panel.querySelector(".cover").textContent = reply.of ? `Packets of the trace have met ${reply.met} of ${reply.of} items of the policy.${reply.missed.length ? " The others:" : ""}` : "";
  panel.querySelector(".missed").replaceChildren(...reply.missed.map((m) => element("li", "", `line ${m.line}: ${m.text}`)));
}
