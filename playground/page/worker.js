// Runs the compiler and the simulator; wasm_exec.js of Go comes before.
onmessage = async ({ data }) => {
  if (data.module) {
    const go = new Go();
    go.run(await WebAssembly.instantiate(data.module, go.importObject));
    postMessage({ words: knockcWords });
    return;
  }
  const result = data.ask ? knockcAnswer(data.ask) : knockcCandidates(...data.candidates);
  postMessage({ number: data.number, result });
};
