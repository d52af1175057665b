// A till: registers members, records what they bought, and reads back what has become of them.
//
// Exit 0: everything was taken. Exit 1: a person has to look at something, or it cannot be done now. Whatever
// happened, run it again with the same journal: it goes on where it stopped.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Failure, Laurel } from "./calls.js";
import { Journal, JournalError } from "./journal.js";
import { NotReadableError, standings } from "./reads.js";
import { showAnswers, showStandings } from "./report.js";
import { SalesError, read } from "./sales.js";
import { record, register } from "./writes.js";

const USAGE = `node till.js --members HOST:PORT --benefits HOST:PORT --ca FILE --cert FILE --key FILE \\
  --program PROGRAM --sales FILE --journal FILE [--batch-size 100] [--deadline 10]`;

class UsageError extends Error {}

const FORESEEN = [Failure, JournalError, NotReadableError, SalesError, UsageError];

/** Send what has no answer yet, and say what has become of everything; whether all of it was taken. */
async function run(laurel, journal, sales, batchSize) {
  const seen = new Set();
  const firstSales = sales.filter(({ customer }) => !seen.has(customer) && seen.add(customer));
  const registered = await sendAll(laurel, journal, "members", register, firstSales, batchSize);
  const recorded = await sendAll(laurel, journal, "events", record, sales, batchSize);

  const members = registered.filter((row) => row.member_id);
  const memberIds = new Map(members.map((row) => [row.customer, row.member_id]));
  const stored = recorded.filter((row) => row.seq);
  const seqs = new Map(stored.map((row) => [memberIds.get(row.customer), row.seq]));
  showStandings(await standings(laurel, [...memberIds.values()], seqs), sales[0].currency);
  return showAnswers(registered, recorded);
}

/** Send sales in batches, each when the one before it was answered: so each member's stay in order. */
async function sendAll(laurel, journal, name, send, sales, batchSize) {
  const answers = [];
  for (let number = 0; number * batchSize < sales.length; number += 1) {
    const batch = sales.slice(number * batchSize, (number + 1) * batchSize);
    answers.push(...(await journal.once(`${name}.${number}`, (requestId) => send(laurel, batch, requestId))));
  }
  return answers;
}

/** What the command line says. */
function told() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: {
      members: text, benefits: text,
      ca: text, cert: text, key: text,
      program: text, sales: text, journal: text,
      "batch-size": { type: "string", default: "100" },
      deadline: { type: "string", default: "10" },
    },
  });
  const { "batch-size": size, deadline, ...files } = values;
  const [batchSize, deadlineSeconds] = [Number(size), Number(deadline)];
  const sizeIsGood = Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= 500;
  if (Object.keys(files).length !== 8 || !sizeIsGood || !(deadlineSeconds > 0)) throw new UsageError(USAGE);
  return { ...files, batchSize, deadlineSeconds };
}

async function main() {
  const { sales: salesFile, journal: journalFile, batchSize, ...where } = told();
  const sales = read(salesFile);
  const digest = createHash("sha256").update(readFileSync(salesFile)).digest("hex");
  const subject = { program: where.program, sales: digest, batch_size: batchSize };
  const journal = new Journal(journalFile, subject);
  const laurel = new Laurel(where);
  try {
    return (await run(laurel, journal, sales, batchSize)) ? 0 : 1;
  } finally {
    laurel.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const misspelt = error.code?.startsWith?.("ERR_PARSE_ARGS");
  const foreseen = FORESEEN.some((kind) => error instanceof kind) || error.syscall || misspelt;
  console.error(foreseen ? error.message : error);
  process.exitCode = 1;
}
