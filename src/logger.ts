import pc from "picocolors";

/** Words for people, on stderr; data goes to stdout. */
export interface Logger {
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly error: (text: string) => void;
}

const colors = pc.createColors(process.stderr.isTTY === true && pc.isColorSupported);

/** `quiet` leaves warnings and errors. */
export function createLogger(options: { readonly quiet?: boolean; readonly write?: (line: string) => void } = {}): Logger {
  const write = options.write ?? ((line: string) => void process.stderr.write(`${line}\n`));
  return {
    info: (text) => {
      if (!options.quiet) write(text);
    },
    warn: (text) => write(`${colors.yellow("warning:")} ${text}`),
    error: (text) => write(`${colors.red("error:")} ${text}`),
  };
}
