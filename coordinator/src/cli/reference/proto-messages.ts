/** A message of a .proto file, as far as its JSON needs it. */
export interface ProtoMessage {
  name: string;
  comment: string;
  fields: ProtoField[];
}

export interface ProtoField {
  /** In lowerCamelCase, as in JSON. */
  name: string;
  type: string;
  repeated: boolean;
  comment: string;
}

const fieldPattern = /^\s*(repeated |optional )?(map<[^>]+>|\w+) (\w+) = \d+;(?:\s*\/\/ ?(.*))?$/;

/** Reads the messages of a .proto file of ours: one field a line, comments with // before or behind. */
export function protoMessages(source: string): ProtoMessage[] {
  const messages: ProtoMessage[] = [];
  let comments: string[] = [];
  let open: ProtoMessage | undefined;
  for (const line of unfolded(source)) {
    const comment = /^\s*\/\/ ?(.*)$/.exec(line);
    const start = /^message (\w+) \{/.exec(line);
    const field = fieldPattern.exec(line);
    if (comment) {
      comments.push(comment[1]!);
      // Behind a field it goes on on the next line.
      continue;
    }
    if (start) {
      open = { name: start[1]!, comment: comments.join(' '), fields: [] };
      messages.push(open);
    } else if (open && field) {
      const [, label, type, name, behind] = field;
      open.fields.push({
        name: camelCase(name!),
        type: type!,
        repeated: label === 'repeated ',
        comment: [...comments, ...(behind ? [behind] : [])].join(' '),
      });
    }
    comments = [];
    if (/^\}/.test(line)) open = undefined;
  }
  return messages;
}

/** `message X { a b = 1; c d = 2; }` on one line is made several. */
function unfolded(source: string): string[] {
  return source.split('\n').flatMap((line) => {
    const single = /^(message \w+ \{) (.*) \}$/.exec(line);
    return single ? [single[1]!, ...single[2]!.split(/(?<=;) /), '}'] : [line];
  });
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** All messages that JSON of this one has, itself first. */
export function reachable(messages: readonly ProtoMessage[], names: Iterable<string>): ProtoMessage[] {
  const byName = new Map(messages.map((one) => [one.name, one]));
  const found = new Set<ProtoMessage>();
  const visit = (name: string) => {
    const message = byName.get(name);
    if (!message || found.has(message)) return;
    found.add(message);
    for (const { type } of message.fields) visit(type);
  };
  for (const name of names) visit(name);
  return [...found];
}
