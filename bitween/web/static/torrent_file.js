// What a .torrent file describes: its info-hash, which is all that contacts have to be asked for (BEP 3).

const LONGEST = 32 * 2 ** 20; // bytes; more than any such file has
const DEEPEST = 100;
const [DICT, LIST, INT, END, COLON, ZERO, NINE] = [..."dlie:09"].map((letter) => letter.charCodeAt(0));
const utf8 = new TextDecoder();

/** Reads bencoded values; throws where nothing that makes sense is. */
class Reader {
  #bytes;
  at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  #number(end) {
    const begin = this.at;
    while (this.#bytes[this.at] >= ZERO && this.#bytes[this.at] <= NINE) this.at++;
    if (this.at === begin || this.at - begin > 15 || this.#bytes[this.at++] !== end) throw new Error("no number");
    return Number(utf8.decode(this.#bytes.subarray(begin, this.at - 1)));
  }

  string() {
    const length = this.#number(COLON);
    if (this.at + length > this.#bytes.length) throw new Error("cut off");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Goes over one value. */
  skip(depth = 0) {
    if (depth > DEEPEST) throw new Error("too deep");
    const kind = this.#bytes[this.at];
    if (kind === INT) {
      this.at = this.#bytes.indexOf(END, this.at) + 1;
      if (!this.at) throw new Error("cut off");
    } else if (kind === LIST || kind === DICT) {
      this.at++;
      while (this.#bytes[this.at] !== END) this.skip(depth + 1);
      this.at++;
    } else {
      this.string();
    }
  }

  /** Calls back with each key of a dictionary that begins here, after which the value has to be gone over. */
  entries(take) {
    if (this.#bytes[this.at++] !== DICT) throw new Error("no dictionary");
    while (this.#bytes[this.at] !== END) take(utf8.decode(this.string()));
    this.at++;
  }
}

function spanOfInfo(bytes) {
  const reader = new Reader(bytes);
  let [begin, end, name] = [0, 0, ""];
  reader.entries((key) => {
    if (key !== "info") return reader.skip();
    begin = reader.at;
    reader.entries((inner) => {
      if (inner === "name") name = utf8.decode(reader.string());
      else reader.skip();
    });
    end = reader.at;
  });
  return end ? { info: bytes.subarray(begin, end), name } : null;
}

/** Hash and name of what a file describes; null if it is no .torrent file. */
export async function describedBy(file) {
  if (!file.name.endsWith(".torrent") || file.size > LONGEST) return null;
  try {
    const { info, name } = spanOfInfo(new Uint8Array(await file.arrayBuffer()));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", info));
    return { hash: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""), name };
  } catch {
    return null;
  }
}
