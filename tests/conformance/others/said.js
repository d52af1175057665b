// How a suite tells what it found: a line of JSON each, which tests/conformance/suites.py counts.
export function told(status, what) {
  console.log(JSON.stringify({ status, what }));
}

export function expect(holds, what, seen) {
  if (holds) told("ok", what);
  else told("error", `${what}: ${JSON.stringify(seen)}`);
}
