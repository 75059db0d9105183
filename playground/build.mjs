// Makes one page of everything: node build.mjs FOLDER PAGE. The folder has what build.sh has
// made with Go.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [made, page] = process.argv.slice(2);
const read = (...path) => readFileSync(join(here, ...path), "utf8");

const packages = new Set(); // of npm, that are in the page

function bundle(file) {
  const built = buildSync({
    entryPoints: [join(here, "page", file)], bundle: true, minify: true, format: "iife", target: "es2022",
    charset: "utf8", legalComments: "none", write: false, absWorkingDir: here, logLevel: "warning", metafile: true,
  });
  for (const input of Object.keys(built.metafile.inputs)) {
    const of = input.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/);
    if (of) packages.add(of[1]);
  }
  return built.outputFiles[0].text;
}

// licences are those of what is in the page; packages with the same share it.
function licences() {
  const named = new Map();
  for (const name of [...packages].sort()) {
    const text = read("node_modules", name, "LICENSE").trim();
    named.set(text, [...(named.get(text) || []), name]);
  }
  const all = [...named].map(([text, names]) => `${names.join(", ")}\n\n${text}\n`);
  return all.join("\n") + readFileSync(join(made, "licences"), "utf8");
}

// examples are those of testdata/policies/README.md, which sorts them by need.
function examples() {
  const folder = join("..", "testdata", "policies");
  const groups = [];
  for (const line of read(folder, "README.md").split("\n")) {
    const title = line.match(/^## (.*)/), row = line.match(/^\| (.*) \| \[(.*)\.knock\]/);
    if (title) groups.push({ title: title[1], examples: [] });
    if (!row) continue;
    const [, need, name] = row;
    const trace = name === "ssh" ? join("..", "testdata", "traces", "ssh.trace") : join(folder, `${name}.trace`);
    groups.at(-1).examples.push({
      need, name, policy: read(folder, `${name}.knock`),
      trace: read(trace).replace(/^policy .*\//m, "policy "),
    });
  }
  return groups.filter((g) => g.examples.length);
}

// inScript is what may stand in a script element.
const inScript = (text) => text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

const script = inScript(bundle("main.js"));
const hash = createHash("sha256").update(script).digest("base64");
const parts = {
  POLICY: [
    "default-src 'none'", `script-src 'sha256-${hash}' 'wasm-unsafe-eval' blob:`, "worker-src blob:",
    "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'", "form-action 'none'",
  ].join("; "),
  STYLE: read("..", "timeline", "style.css") + read("page", "style.css"),
  EXAMPLES: JSON.stringify(examples()).replaceAll("<", "\\u003c"),
  WORKER: inScript(readFileSync(join(made, "wasm_exec.js"), "utf8") + bundle("worker.js")),
  WASM: gzipSync(readFileSync(join(made, "knockc.wasm")), { level: 9 }).toString("base64"),
  SCRIPT: script,
  LICENCES: licences().replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
};
writeFileSync(page, read("page", "index.html").replace(/@([A-Z]+)@/g, (_, name) => parts[name]));
