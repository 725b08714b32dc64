// Counts from a TAP 13 stream as ava writes it.

/** "title" and the indented lines that explain it. */
const result = /^(not ok|ok) \d+ - (.*)$/;

/** Takes TAP line by line; calls `report({ok, title, skipped, details})` for each test once it is complete. */
export class TapReader {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** `1..N` was seen: the run came to its end. */
  complete = false;
  #report;
  #current;
  #rest = '';

  constructor(report = () => {}) {
    this.#report = report;
  }

  write(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  end() {
    if (this.#rest) this.#line(this.#rest);
    this.#flush();
  }

  #line(line) {
    const match = result.exec(line);
    if (match) {
      this.#flush();
      const [, verdict, text] = match;
      const skipped = /# (SKIP|TODO)$/.test(text);
      this.#current = {
        ok: verdict === 'ok',
        title: text.replace(/ # (SKIP|TODO)$/, ''),
        skipped,
        details: [],
      };
    } else if (/^1\.\.\d+$/.test(line)) {
      this.#flush();
      this.complete = true;
    } else if (this.#current && line.trim() !== '') this.#current.details.push(line);
  }

  #flush() {
    const test = this.#current;
    if (!test) return;
    this.#current = undefined;
    if (test.skipped) this.skipped++;
    else if (test.ok) this.passed++;
    else this.failed++;
    this.#report(test);
  }
}
