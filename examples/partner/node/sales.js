// The till's sales: rows of a CSV file, and the messages that they become.

import { readFileSync } from "node:fs";

const COLUMNS = [
  "receipt", "line", "kind", "customer", "store", "time", "amount", "currency", "quantity",
  "original_receipt", "original_line",
];
const KINDS = { purchase: "EVENT_KIND_PURCHASE", refund: "EVENT_KIND_REFUND" };

/** A file that is not as the till writes it. Nothing of it is sent. */
export class SalesError extends Error {}

/** All rows in the order of the file, each checked before anything is sent. */
export function read(path) {
  const [header, ...rows] = readFileSync(path, "utf8").trimEnd().split(/\r?\n/);
  if (header !== COLUMNS.join(",")) throw new SalesError(`${path}: the columns are ${COLUMNS.join(",")}`);
  if (rows.length === 0) throw new SalesError(`${path} holds no sales`);
  return rows.map((row, index) => {
    try {
      return sale(row);
    } catch (error) {
      throw new SalesError(`${path}, line ${index + 2}: ${error.message}`);
    }
  });
}

/** The customer of a sale, as a member from this sale on. */
export function registration(sale) {
  return { externalMemberId: sale.customer, storeId: sale.store, registeredTime: sale.time };
}

/** A sale. Receipt, line and kind are its business key: what the shop itself knows it as. */
export function event(sale) {
  return {
    kind: KINDS[sale.kind],
    externalMemberId: sale.customer,
    externalRef: sale.receipt,
    line: sale.line,
    occurredTime: sale.time,
    storeId: sale.store,
    amountMinor: sale.amountMinor,
    currency: sale.currency,
    quantity: sale.quantity,
    original: sale.kind === "refund" ? { externalRef: sale.originalReceipt, line: sale.originalLine } : null,
  };
}

/** What a person finds a sale by. */
export function name(sale) {
  return `${sale.kind} ${sale.receipt}/${sale.line} of ${sale.customer}`;
}

function sale(text) {
  const values = text.split(",");
  if (values.length !== COLUMNS.length || text.includes('"')) {
    throw new Error(`expected ${COLUMNS.length} values without quotes`);
  }
  const row = Object.fromEntries(COLUMNS.map((column, index) => [column, values[index]]));
  if (!Object.hasOwn(KINDS, row.kind)) throw new Error(`kind ${row.kind} is none of ${Object.keys(KINDS)}`);
  return {
    receipt: row.receipt,
    line: whole(row.line),
    kind: row.kind,
    customer: row.customer,
    store: row.store,
    time: moment(row.time),
    amountMinor: minor(row.amount),
    currency: row.currency,
    quantity: whole(row.quantity),
    originalReceipt: row.original_receipt,
    originalLine: whole(row.original_line || "0"),
  };
}

function whole(text) {
  if (!/^[0-9]{1,9}$/.test(text)) throw new Error(`${text} is not a whole number`);
  return Number(text);
}

/** Cents, as text: a JavaScript number is a float, and none comes near money. */
function minor(amount) {
  const parts = /^([0-9]{1,10})\.([0-9]{2})$/.exec(amount);
  if (!parts) throw new Error(`amount ${amount} is not written like 29.33`);
  return String(BigInt(parts[1] + parts[2]));
}

function moment(text) {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds) || !/(Z|[+-]\d\d:\d\d)$/.test(text)) {
    throw new Error(`time ${text} is not written like 1997-01-02T17:00:00Z`);
  }
  return { seconds: Math.floor(milliseconds / 1000), nanos: (((milliseconds % 1000) + 1000) % 1000) * 1e6 };
}
