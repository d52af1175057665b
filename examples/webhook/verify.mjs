// Verifies that a webhook comes from Laurel, unchanged and in time: copy this into your receiver.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_SECONDS = 300;

/** Throws unless the body, a Buffer as it came, was signed by this secret within five minutes. */
export function verify(secret, headers, body) {
  const { "webhook-id": id, "webhook-timestamp": sent, "webhook-signature": signatures } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(sent)) <= TOLERANCE_SECONDS)) throw new Error("sent too long ago, or clocks differ");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = "v1," + createHmac("sha256", key).update(`${id}.${sent}.`).update(body).digest("base64");
  const same = (each) => each.length === expected.length && timingSafeEqual(Buffer.from(each), Buffer.from(expected));
  if (!signatures.split(" ").some(same)) throw new Error("not signed by our secret");
}
