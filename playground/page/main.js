// The playground: a policy, a trace, and what the trace does, all in one page.
import knockcDrawing from "../../timeline/drawing.js";
import { Editor } from "./editor.js";
import { Engine } from "./engine.js";
import { decode, encode } from "./link.js";
import { showFindings, showKnocks, summary } from "./results.js";
import { tabs } from "./tabs.js";

const find = (selector) => document.querySelector(selector);
const examples = JSON.parse(find("#example-texts").textContent);

const engine = new Engine(show);
let view = null; // the drawing
let reply = null; // to the last question,
let asked = null; // which is this one

const editors = {
  policy: new Editor(find("#policy .editor"), "Policy", changed, () => {}),
  trace: new Editor(find("#trace .editor"), "Trace", changed, pointAt),
};
const texts = () => ({ policy: editors.policy.text, trace: editors.trace.text });

let ready = false;
function changed() {
  remember();
  if (ready) engine.ask(texts());
}

// remember keeps the texts of this tab when it is loaded again, and nowhere else.
function remember() {
  try {
    sessionStorage.setItem("texts", JSON.stringify(texts()));
  } catch {} // it may be full, or forbidden
}

function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem("texts"));
  } catch {
    return null;
  }
}

// show shows the reply to a question.
function show(question, answered) {
  const status = find("#summary");
  if (!answered) {
    status.className = "bad";
    status.textContent = "This takes too long for the page. Use `knockc sim`.";
    find("#timeline").classList.add("stale");
    return;
  }
  const now = texts();
  if (now.policy !== question.policy || now.trace !== question.trace) return; // the next answer is on its way
  [asked, reply] = [question, answered];
  for (const name of ["policy", "trace"]) {
    const editor = editors[name];
    editor.show(reply[name].findings, name === "trace" ? reply.beside : []);
    showFindings(find(`#${name} .found`), reply[name], editor);
    find(`#${name} .format`).disabled = reply[name].formatted === null || reply[name].formatted === asked[name];
  }
  const said = summary(reply);
  if (status.textContent !== said.text) status.textContent = said.text;
  status.className = said.bad ? "bad" : "";
  draw();
  if (editors.trace.view.hasFocus) pointAt(editors.trace.line);
}

// draw shows the results. Those of the last policy without errors stay, without colours.
function draw() {
  const stale = !reply.replay;
  for (const panel of document.querySelectorAll("[role=tabpanel]")) panel.classList.toggle("stale", stale);
  if (stale) return;
  if (view) view.update(reply.replay);
  else view = knockcDrawing.draw(find("#timeline"), reply.replay);
  showKnocks(find("#knocks"), reply);
  find("#rules pre").textContent = reply.rules;
}

// pointAt puts the cursor of the timeline where a line of the trace is.
function pointAt(line) {
  if (!view || !reply || !reply.replay || asked.trace !== editors.trace.text) return;
  for (const lane of reply.replay.lanes) {
    const at = [...lane.ticks, ...(lane.flags || [])].find((e) => e.line === line);
    if (at) return view.moveCursor(at.t);
  }
}

function offerExamples() {
  const select = find("#examples");
  select.append(new Option("choose …", ""));
  for (const group of examples) {
    const part = document.createElement("optgroup");
    part.label = group.title;
    for (const e of group.examples) part.append(new Option(e.need, e.name));
    select.append(part);
  }
  select.addEventListener("change", () => {
    const chosen = examples.flatMap((g) => g.examples).find((e) => e.name === select.value);
    if (chosen) use(chosen);
  });
}

function use({ policy, trace }) {
  editors.policy.text = policy;
  editors.trace.text = trace;
}

async function copyLink() {
  location.hash = await encode(texts());
  const said = find("#said");
  try {
    await navigator.clipboard.writeText(location.href);
    said.textContent = "Copied. The link holds your policy: keep it as secret.";
  } catch {
    said.textContent = "The address of this page is the link. It holds your policy: keep it as secret.";
  }
}

async function begin() {
  offerExamples();
  tabs(find("[role=tablist]"));
  find("#link").addEventListener("click", copyLink);
  for (const name of ["policy", "trace"]) {
    find(`#${name} .format`).addEventListener("click", () => {
      if (reply && reply[name].formatted !== null) editors[name].text = reply[name].formatted;
    });
  }
  use((await decode(location.hash)) || remembered() || examples[0].examples[0]);
  addEventListener("hashchange", async () => {
    const linked = await decode(location.hash);
    if (linked) use(linked);
  });
  const words = await engine.load();
  editors.policy.know(words.policy, (before) => engine.candidates(false, before, ""));
  editors.trace.know(words.trace, (before) => engine.candidates(true, before, editors.policy.text));
  ready = true;
  engine.ask(texts());
}

begin().catch((e) => {
  find("#summary").className = "bad";
  find("#summary").textContent = `The compiler could not be loaded: ${e.message}. A newer browser may help.`;
});
