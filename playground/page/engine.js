// The compiler and the simulator, which run beside the page in a worker.

// maxAnswer is how long an answer may take, in milliseconds.
const maxAnswer = 8000;

const inPage = (id) => document.getElementById(id).textContent;

async function compile() {
  const bytes = Uint8Array.from(atob(inPage("wasm")), (c) => c.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compile(await new Response(unpacked).arrayBuffer());
}

export class Engine {
  // told is called with each question that was answered, and its reply; null if there is none.
  constructor(told) {
    this.told = told;
    this.source = URL.createObjectURL(new Blob([inPage("worker")], { type: "text/javascript" }));
    this.calls = new Map();
    this.number = 0;
    this.busy = false;
    this.next = null;
  }

  async load() {
    this.module = await compile();
    await this.start();
    return this.words;
  }

  start() {
    return new Promise((started) => {
      this.worker = new Worker(this.source);
      this.worker.onmessage = ({ data }) => {
        if (data.words) {
          this.words = data.words;
          started();
          return;
        }
        const call = this.calls.get(data.number);
        this.calls.delete(data.number);
        if (call) call(data.result);
      };
      this.worker.onerror = () => this.again();
      this.worker.postMessage({ module: this.module });
    });
  }

  // again starts another worker, after one that does not answer.
  async again() {
    this.worker.terminate();
    const waiting = [...this.calls.values()];
    this.calls.clear();
    await this.start();
    for (const call of waiting) call(null);
  }

  call(message) {
    const number = ++this.number;
    return new Promise((done) => {
      this.calls.set(number, done);
      this.worker.postMessage({ ...message, number });
    });
  }

  // ask asks a question. Of questions that wait, only the last is answered.
  async ask(question) {
    this.next = question;
    if (this.busy) return;
    this.busy = true;
    while (this.next) {
      const asked = this.next;
      this.next = null;
      const late = setTimeout(() => this.again(), maxAnswer);
      const reply = await this.call({ ask: JSON.stringify(asked) });
      clearTimeout(late);
      this.told(asked, reply && JSON.parse(reply));
    }
    this.busy = false;
  }

  async candidates(trace, before, policy) {
    return (await this.call({ candidates: [trace, before, policy] })) || [];
  }
}
