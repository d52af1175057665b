// The till's journal: what was answered, kept on disk, so that the till may be killed at any moment.

import { randomUUID } from "node:crypto";
import {
  fsyncSync, closeSync, linkSync, openSync, readFileSync, truncateSync, unlinkSync, writeFileSync,
} from "node:fs";

export class JournalError extends Error {}

/**
 * A line of JSON that names the journal and what it is for, then one for each step that was answered.
 *
 * The requestId of a step is made of the journal's own id and the step's name. So a step that was sent, and
 * whose answer never came or was not written down, is sent again under the id that it had.
 */
export class Journal {
  #id;
  #answers;
  #file;

  /** Open the journal of this subject, or begin it; another subject's is refused. */
  constructor(path, subject) {
    begin(path, { journal: randomUUID().replaceAll("-", ""), ...subject });
    const [head, ...answered] = readLines(path);
    const { journal, ...of } = head;
    const [theirs, ours] = [JSON.stringify(of), JSON.stringify(subject)];
    if (theirs !== ours) {
      throw new JournalError(`${path} is the journal of ${theirs}, not of ${ours}: name another file`);
    }
    this.#id = journal;
    this.#answers = new Map(answered.map(({ step, answer }) => [step, answer]));
    this.#file = openSync(path, "a");
  }

  /** The answer to a step: as it was written down, or what `send` gives under the step's requestId. */
  async once(step, send) {
    if (!this.#answers.has(step)) {
      const answer = await send(`${this.#id}.${step}`);
      write(this.#file, { step, answer });
      this.#answers.set(step, answer);
    }
    return this.#answers.get(step);
  }
}

/** Put a journal with this first line in place, whole, unless there is one. */
function begin(path, head) {
  const fresh = `${path}.${head.journal}`;
  const file = openSync(fresh, "wx");
  try {
    write(file, head);
    linkSync(fresh, path);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  } finally {
    closeSync(file);
    unlinkSync(fresh);
  }
}

/** The lines, without a last one that the till did not live to finish. */
function readLines(path) {
  const content = readFileSync(path);
  const whole = content.lastIndexOf("\n") + 1;
  truncateSync(path, whole);
  try {
    return content.toString("utf8", 0, whole).trimEnd().split("\n").map((line) => JSON.parse(line));
  } catch (error) {
    throw new JournalError(`${path} is no journal, or it was damaged: ${error.message}`);
  }
}

/** Write a line, and come back when it is on disk. */
function write(file, entry) {
  writeFileSync(file, `${JSON.stringify(entry)}\n`);
  fsyncSync(file);
}
