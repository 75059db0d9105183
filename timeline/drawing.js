// Draws what knockc has found in a replay: knockcDrawing.draw(element, trace) shows one
// trace of a report over time, knockcDrawing.machines(element, knocks) shows knocks as
// machines of states. Nothing is loaded, and nothing is sent.
"use strict";
const knockcDrawing = (() => {
  const svgNS = "http://www.w3.org/2000/svg";
  const rowHeight = 22, tickRow = 20, laneGap = 14, axisHeight = 26;
  const stacked = 9, mostStacked = 3; // marks at the same place stand one below the other

  // node makes an element of SVG or HTML with attributes and children.
  function node(name, attributes, ...children) {
    const html = ["div", "p", "span", "button", "h3", "ul", "li", "output", "label", "strong"].includes(name);
    const e = html ? document.createElement(name) : document.createElementNS(svgNS, name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== undefined && value !== null) e.setAttribute(key, value);
    }
    e.append(...children.filter((c) => c !== null && c !== undefined));
    return e;
  }

  const hint = "Point at a time, or press the arrow keys in the timeline, to read how far each source is then.";
  const seconds = (t) => `${+t.toFixed(t < 10 ? 3 : 2)}s`;
  const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const verdicts = ["accept", "pass", "drop", "reject"];
  const classOf = (v) => (verdicts.includes(v) ? v : "depends");

  // mark is the sign of a packet: its shape tells the verdict, also without colours. One that
  // has moved a knock is filled.
  function mark(v, x, y, moved, title) {
    const at = { class: `mark ${classOf(v)}${moved ? " moved" : ""}` };
    const shapes = {
      accept: () => node("circle", { ...at, cx: x, cy: y, r: 4 }),
      pass: () => node("circle", { ...at, cx: x, cy: y, r: 3.5 }),
      drop: () => node("path", { ...at, d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8` }),
      reject: () => node("rect", { ...at, x: x - 3.5, y: y - 3.5, width: 7, height: 7 }),
      depends: () => node("path", { ...at, d: `M${x} ${y - 5}l5 5l-5 5l-5-5z` }),
    };
    const shape = shapes[classOf(v)]();
    shape.append(node("title", {}, title));
    return shape;
  }

  // barText is what a bar means.
  function barText(knock, b) {
    if (b.kind === "open") return b.until === null ? `${knock} open` : `${knock} open until ${seconds(b.until)}`;
    return `${knock} ${b.kind === "close" ? "close " : ""}${b.step}/${b.of}`;
  }

  const ends = { expired: "then time had passed", opened: "then the door opened", renewed: "then it was renewed", reset: "then a wrong attempt reset it", closed: "then it was closed" };

  // View is a drawing of a trace, with the part of its time that is shown, and a cursor.
  class View {
    constructor(element, trace) {
      this.element = element;
      this.trace = trace;
      this.from = 0;
      this.to = this.whole();
      this.cursor = null;
      this.build();
      this.observer = new ResizeObserver(() => this.draw());
      this.observer.observe(this.box);
      this.draw();
    }

    // whole is where the drawing ends, behind the trace.
    whole() { return Math.max(this.trace.end * 1.04, 1e-6); }

    // update draws another trace, which is the same after an edit: cursor and zoom stay.
    update(trace) {
      const all = this.from === 0 && this.to === this.whole();
      this.trace = trace;
      if (this.cursor > this.whole()) this.cursor = null;
      this.state.textContent = hint;
      if (all || this.to > this.whole()) this.all();
      else this.draw();
    }

    build() {
      const button = (label, text, act) => {
        const b = node("button", { type: "button", "aria-label": label, title: label }, text);
        b.addEventListener("click", act);
        return b;
      };
      this.state = node("output", { class: "state", "aria-live": "polite" }, hint);
      this.box = node("div", { class: "drawing", tabindex: "0", role: "group",
        "aria-label": `Timeline of ${this.trace.name}. Arrow keys move the cursor, plus and minus zoom, Home shows all.` });
      this.element.replaceChildren(
        node("div", { class: "tools" },
          button("zoom in", "+", () => this.zoom(0.5)),
          button("zoom out", "−", () => this.zoom(2)),
          button("show all", "all", () => this.all()), legend()),
        this.box, this.state);
      this.box.addEventListener("keydown", (e) => this.key(e));
      this.box.addEventListener("pointermove", (e) => this.point(e));
      this.box.addEventListener("wheel", (e) => {
        if (!e.ctrlKey) return;
        e.preventDefault();
        this.zoom(e.deltaY < 0 ? 0.8 : 1.25);
      }, { passive: false });
    }

    x(t) { return this.left + ((t - this.from) / (this.to - this.from)) * (this.width - this.left - 12); }
    time(x) { return this.from + ((x - this.left) / (this.width - this.left - 12)) * (this.to - this.from); }
    shown(t) { return t >= this.from && t <= this.to; }

    draw() {
      this.width = Math.max(this.box.clientWidth, 280);
      this.narrow = this.width < 560;
      this.left = this.narrow ? 8 : 170;
      let y = axisHeight;
      const parts = [];
      for (const lane of this.trace.lanes) {
        const drawn = this.lane(lane, y);
        parts.push(drawn.group);
        y = drawn.y + laneGap;
      }
      if (this.trace.others) {
        const o = this.trace.others;
        const drawn = this.lane({ source: `${plural(o.sources, "other source")}`, counts: o.counts, ticks: [], sums: o.sums, knocks: [] }, y);
        parts.push(drawn.group);
        y = drawn.y + laneGap;
      }
      this.height = y + 4;
      this.svg = node("svg", { width: this.width, height: this.height, viewBox: `0 0 ${this.width} ${this.height}`, role: "img", "aria-label": this.summary() });
      this.svg.append(this.axis(), ...parts);
      this.line = node("line", { class: "cursor", y1: axisHeight - 6, y2: this.height, visibility: "hidden" });
      this.svg.append(this.line);
      this.box.replaceChildren(this.svg);
      this.moveCursor(this.cursor);
    }

    // axis is the time above the lanes.
    axis() {
      const group = node("g", { class: "axis", "aria-hidden": "true" });
      const wanted = (this.to - this.from) / Math.max(2, (this.width - this.left) / 90);
      const ten = 10 ** Math.floor(Math.log10(wanted));
      const step = ten * [1, 2, 5, 10].find((n) => n * ten >= wanted);
      for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
        const x = this.x(t);
        group.append(node("line", { x1: x, x2: x, y1: axisHeight - 6, y2: this.height }), x < this.width - 40 ? node("text", { x: x + 3, y: axisHeight - 10 }, seconds(t)) : "");
      }
      return group;
    }

    lane(lane, y) {
      const group = node("g", { class: "lane" });
      group.append(node("text", { class: "source", x: 8, y: y + 14 }, lane.source));
      if (this.narrow || lane.source.length > 20) y += 18;
      const middle = y + tickRow / 2;
      group.append(node("line", { class: "track", x1: this.left, x2: this.width - 12, y1: middle, y2: middle }));
      if (lane.sums) group.append(this.sums(lane.sums, middle));
      const last = []; // where the last mark of each row is
      const shown = lane.ticks.filter((t) => this.shown(t.t));
      for (const [i, t] of shown.entries()) {
        const x = this.x(t.t);
        const room = (i + 1 < shown.length ? this.x(shown[i + 1].t) : this.width) - x;
        if (room > t.to.length * 7.5 + 14) group.append(node("text", { class: "to", x: x + 7, y: middle + 4 }, t.to));
        let row = 0;
        while (row < mostStacked - 1 && x - last[row] < 5) row++;
        last[row] = x;
        group.append(mark(t.v, x, middle + row * stacked, Boolean(t.moves), `${seconds(t.t)} → ${t.to}: ${t.v}${t.moves ? `, ${t.moves}` : ""} (line ${t.line})`));
      }
      y += tickRow + stacked * Math.max(0, last.length - 1);
      for (const knock of lane.knocks) {
        group.append(node("text", { class: "knock", x: this.narrow ? 8 : 20, y: y + 15 }, knock.knock));
        if (this.narrow) y += 16;
        const kinds = [...new Set(knock.bars.map((b) => (b.kind === "close" ? 1 : 0)))].length;
        for (const b of knock.bars) group.append(this.bar(knock.knock, b, b.kind === "close" && kinds > 1 ? y + rowHeight : y));
        y += rowHeight * Math.max(kinds, 1);
      }
      for (const f of lane.flags || []) if (this.shown(f.t)) group.append(this.flag(f, y));
      return { group, y: y + ((lane.flags || []).length ? 14 : 0) };
    }

    // sums are the packets of many as columns: upwards those let through, downwards the others.
    sums(sums, middle) {
      const group = node("g", { class: "sums" });
      const most = Math.max(1, ...sums.counts.map((c) => Math.max(c.accepted + c.passed, c.dropped + c.rejected + c.depends)));
      sums.counts.forEach((c, i) => {
        const from = i * sums.every, to = from + sums.every;
        if (to < this.from || from > this.to) return;
        const x = Math.max(this.x(from), this.left), width = Math.max(1, this.x(to) - x);
        const column = (n, kind, up) => {
          if (n === 0) return;
          const h = Math.max(1, (n / most) * (tickRow / 2));
          group.append(node("rect", { class: `sum ${kind}`, x, width, y: up ? middle - h : middle, height: h },
            node("title", {}, `${seconds(from)} to ${seconds(to)}: ${c.accepted} accepted, ${c.passed} passed, ${c.dropped} dropped, ${c.rejected} rejected`)));
        };
        column(c.accepted + c.passed, c.accepted ? "accept" : "pass", true);
        column(c.dropped + c.rejected + c.depends, c.rejected > c.dropped ? "reject" : "drop", false);
      });
      return group;
    }

    bar(knock, b, y) {
      if (b.to < this.from || b.from > this.to) return "";
      const x1 = Math.max(this.x(b.from), this.left), x2 = Math.min(this.x(b.to), this.width - 12);
      const text = barText(knock, b);
      const group = node("g", { class: `bar ${b.kind}`, "data-from": b.from, "data-to": b.to },
        node("title", {}, `${text}, from ${seconds(b.from)} to ${seconds(b.to)}${ends[b.why] ? `, ${ends[b.why]}` : ""}`),
        node("rect", { x: x1, y: y + 2, width: Math.max(2, x2 - x1), height: rowHeight - 4, rx: 3 }));
      const short = b.kind === "open" ? "open" : `${b.step}/${b.of}`;
      if (x2 - x1 > short.length * 8 + 6) group.append(node("text", { x: x1 + 5, y: y + 15 }, short));
      return group;
    }

    flag(f, y) {
      const x = this.x(f.t);
      return node("g", { class: `flag ${f.ok ? "holds" : "fails"}` },
        node("title", {}, `line ${f.line}: ${f.text}${f.ok ? " holds" : ""}`),
        node("path", { d: `M${x} ${y}l5 9h-10z` }),
        f.ok ? null : node("text", { x: x + 8, y: y + 9 }, `✗ line ${f.line}`));
    }

    summary() {
      const c = this.trace.counts, n = c.accepted + c.passed + c.dropped + c.rejected + c.depends;
      const opened = this.trace.lanes.flatMap((l) => l.knocks.flatMap((k) => k.bars.filter((b) => b.kind === "open").map((b) => `${k.knock} open for ${l.source} from ${seconds(b.from)} to ${seconds(b.to)}`)));
      return `${plural(n, "packet")} of ${plural(this.trace.lanes.length + (this.trace.others ? this.trace.others.sources : 0), "source")} in ${seconds(this.trace.end)}. ${opened.slice(0, 20).join(". ")}`;
    }

    // stateAt is how far each source is at a time.
    stateAt(t) {
      const all = [];
      for (const lane of this.trace.lanes) for (const k of lane.knocks) {
        const live = k.bars.filter((b) => b.from <= t && t < b.to);
        const door = live.find((b) => b.kind === "open");
        for (const b of live) {
          if (door && b.kind === "step") continue;
          const left = b.until === null ? "" : `, ${seconds(b.until - t)} left`;
          all.push(`${lane.source}: ${barText(k.knock, b)}${left}`);
        }
      }
      return all;
    }

    moveCursor(t) {
      this.cursor = t;
      if (t === null) return;
      const x = this.x(t);
      this.line.setAttribute("x1", x);
      this.line.setAttribute("x2", x);
      this.line.setAttribute("visibility", this.shown(t) ? "visible" : "hidden");
      const all = this.stateAt(t);
      this.state.textContent = `${seconds(t)}: ${all.length ? all.slice(0, 12).join("; ") : "no progress, no open door"}`;
    }

    point(e) {
      const x = e.clientX - this.svg.getBoundingClientRect().left;
      if (x >= this.left && x <= this.width - 12) this.moveCursor(this.time(x));
    }

    key(e) {
      const part = (this.to - this.from) / (e.shiftKey ? 10 : 100);
      const at = this.cursor === null ? this.from : this.cursor;
      const acts = {
        ArrowRight: () => this.moveCursor(Math.min(at + part, this.to)), ArrowLeft: () => this.moveCursor(Math.max(at - part, this.from)),
        "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), Home: () => this.all(),
      };
      if (!acts[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      acts[e.key]();
    }

    zoom(factor) {
      const whole = this.whole();
      const middle = this.cursor !== null && this.shown(this.cursor) ? this.cursor : (this.from + this.to) / 2;
      const width = Math.min(whole, Math.max((this.to - this.from) * factor, whole / 1e6));
      this.from = Math.min(Math.max(0, middle - ((middle - this.from) / (this.to - this.from)) * width), whole - width);
      this.to = this.from + width;
      this.draw();
    }

    all() {
      this.from = 0;
      this.to = this.whole();
      this.draw();
    }

    close() { this.observer.disconnect(); }
  }

  function legend() {
    const signs = verdicts.map((v) => {
      const svg = node("svg", { width: 14, height: 14, "aria-hidden": "true" });
      svg.append(mark(v, 7, 7, false, v));
      return node("span", { class: "sign" }, svg, v === "pass" ? "pass: left to the host" : v);
    });
    const counted = node("svg", { width: 14, height: 14, "aria-hidden": "true" });
    counted.append(mark("pass", 7, 7, true, "a step"));
    signs.splice(2, 0, node("span", { class: "sign" }, counted, "pass, and a step"));
    const band = (kind, text) => {
      const svg = node("svg", { width: 24, height: 14, "aria-hidden": "true" });
      svg.append(node("g", { class: `bar ${kind}` }, node("rect", { x: 1, y: 1, width: 22, height: 12, rx: 3 })));
      return node("span", { class: "sign" }, svg, text);
    };
    const flag = (kind, text) => {
      const svg = node("svg", { width: 14, height: 14, "aria-hidden": "true" });
      svg.append(node("g", { class: `flag ${kind}` }, node("path", { d: "M7 3l5 9h-10z" })));
      return node("span", { class: "sign" }, svg, text);
    };
    return node("div", { class: "legend" }, ...signs, band("step", "steps done"), band("open", "door open"), flag("holds", "expectation holds"), flag("fails", "fails"));
  }

  // machines shows each knock as a machine of states: from one step to the next, to the open
  // door, and back.
  function machines(element, knocks) {
    element.replaceChildren(...knocks.map((k) => {
      const states = ["0", ...k.steps.slice(0, -1).map((_, i) => `${i + 1}/${k.steps.length}`), "open"];
      const gap = 104, width = (states.length - 1) * gap + 76, height = 84;
      const svg = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
        "aria-label": `${k.name}: ${k.steps.join(", then ")} opens ${k.services} for ${k.grant}` });
      states.forEach((s, i) => {
        const x = 34 + i * gap, open = s === "open";
        if (i > 0) svg.append(node("path", { class: "arrow", d: `M${x - gap + 26} 34H${x - 30}m-6-4l6 4l-6 4` }), node("text", { class: "step", x: x - gap / 2 - 2, y: 26 }, k.steps[i - 1]));
        svg.append(node("g", { class: open ? "place open" : "place" }, node("rect", { x: x - 26, y: 20, width: 52, height: 28, rx: 14 }), node("text", { x, y: 38 }, s)));
      });
      const open = 34 + (states.length - 1) * gap;
      svg.append(node("path", { class: "arrow back", d: `M${open} 48V68H34V52m-4 6l4-6l4 6` }));
      for (let i = 1; i + 1 < states.length; i++) svg.append(node("path", { class: "arrow back", d: `M${34 + i * gap} 48V68` }));
      if (states.length > 2) svg.append(node("text", { class: "after", x: 34 + gap / 2, y: 64 }, `after ${k.within}`));
      if (k.grant !== "forever") svg.append(node("text", { class: "after", x: open - gap / 2, y: 64 }, `after ${k.grant}`));
      const back = [`${k.within} without the next step`, k.total ? `${k.total} after the first` : null, k.reset || null].filter(Boolean).join(", or ");
      const ended = [k.grant === "forever" ? null : k.grant, k.once ? "the first connection" : null, k.close && k.close.length ? `the steps ${k.close.join(" ")}` : null].filter(Boolean).join(", or ");
      return node("div", { class: "machine", tabindex: "0", role: "group", "aria-label": `The knock ${k.name}` }, node("h3", {}, k.name), svg,
        node("p", {}, `Back to 0 after ${back}. `, `The door to ${k.services} ${ended ? `is open for ${ended}` : "stays open"}.`));
    }));
  }

  return { draw: (element, trace) => new View(element, trace), machines };
})();
if (typeof module !== "undefined") module.exports = knockcDrawing;
