// A link holds both texts behind its #, compressed. Browsers do not send that part.

const through = (bytes, stream) => new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer();

// maxText is how much a link may hold, in characters: it may come from someone else.
const maxText = 1 << 20;

export async function encode(texts) {
  const packed = new Uint8Array(await through(JSON.stringify(texts), new CompressionStream("deflate-raw")));
  let binary = "";
  for (const b of packed) binary += String.fromCharCode(b);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// decode returns the texts of a link; null if it has none.
export async function decode(hash) {
  const text = hash.replace(/^#/, "");
  if (!text || text.length > maxText) return null;
  try {
    const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const { policy, trace } = JSON.parse(await unpacked(packed));
    return typeof policy === "string" && typeof trace === "string" ? { policy, trace } : null;
  } catch {
    return null;
  }
}

// unpacked stops a small link from becoming a large text.
async function unpacked(packed) {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
    if (text.length > maxText) throw new Error("too long");
  }
}
