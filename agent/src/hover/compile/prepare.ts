/** What is done to the text of a module in Hover's dialect before clang sees it. Lines keep their numbers. */
export interface PreparedSource {
  readonly text: string;
  /** Structs of the headers that the module defines itself: theirs have to be called otherwise. */
  readonly ownStructs: readonly string[];
}

/** A label whose statement is on another line, and is a declaration: C took that in 2023. */
const LABELLED_DECLARATION =
  /^([ \t]*(?:case\s[^:\n?]*|[A-Za-z_]\w*)[ \t]*:)(?=\s*(?:(?:const|volatile|static|struct|union|enum|unsigned|signed|char|short|int|long|bool|__be(?:16|32|64)|(?:__)?[us](?:8|16|32|64)|u?int(?:8|16|32|64)_t)\s+[A-Za-z_*]))/gm;
const INCREMENT = /\.\s*(?:atomic_)?increment(?=\s*\()/g;
const STRUCT = /\bstruct\s+([A-Za-z_]\w*)(?:\s*__attribute__\s*\(\([^)]*\)\))?\s*\{/g;

/** @param headerStructs structs that a module finds declared, and may define itself as others do */
export function prepareSource(source: string, headerStructs: ReadonlySet<string>): PreparedSource {
  const code = withoutCommentsAndStrings(source);
  const insertions: { at: number; text: string }[] = [];
  for (const { index, 0: label } of code.matchAll(LABELLED_DECLARATION))
    insertions.push({ at: index + label.length, text: ';' });
  // C has no functions with arguments that may be left out.
  for (const { index, 0: name } of code.matchAll(INCREMENT))
    if (hasTwoArguments(code, index + name.length)) insertions.push({ at: index + name.length, text: '_by' });
  const defined = [...code.matchAll(STRUCT)].map(([, name]) => name!);
  let text = source;
  for (const { at, text: inserted } of insertions.sort((a, b) => b.at - a.at))
    text = text.slice(0, at) + inserted + text.slice(at);
  return { text, ownStructs: [...new Set(defined)].filter((name) => headerStructs.has(name)) };
}

/** With blanks in their place, so that everything else stays where it is. */
function withoutCommentsAndStrings(source: string): string {
  return source.replace(
    /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/g,
    (text) => text.replace(/[^\n]/g, ' '),
  );
}

function hasTwoArguments(code: string, at: number): boolean {
  let depth = 0;
  for (let i = code.indexOf('(', at); i >= 0 && i < code.length; i++) {
    const char = code[i]!;
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char) && --depth === 0) return false;
    else if (char === ',' && depth === 1) return true;
  }
  return false;
}
