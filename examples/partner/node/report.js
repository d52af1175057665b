// What the till prints when it is done.

/** Members, spend and points of each tier, and of all. */
export function showStandings(standings, currency) {
  showLine("tier", "members", `spend ${currency}`, "points");
  const byTier = [...new Set(standings.map(({ tier }) => tier))]
    .map((tier) => [tier, standings.filter((each) => each.tier === tier)])
    .sort(([, some], [, others]) => others.length - some.length);
  for (const [tier, some] of [...byTier, ["all", standings]]) {
    const spend = sum(some, "spendMinor");
    const cents = String(spend % 100n).padStart(2, "0");
    showLine(tier, some.length, `${spend / 100n}.${cents}`, sum(some, "points"));
  }
}

/** What was taken, and what a person has to look at; whether there is nothing for a person. */
export function showAnswers(registered, recorded) {
  const created = registered.filter((row) => row.created).length;
  const told = ["accepted", "duplicate", "rejected"].map(
    (outcome) => `${recorded.filter((row) => row.outcome.toLowerCase() === outcome).length} ${outcome}`,
  );
  console.log(`members: ${registered.length}, of them ${created} new`);
  console.log(`events: ${told.join(", ")}`);
  const forPeople = [...refusedMembers(registered), ...rejectedSales(recorded)];
  for (const line of forPeople) console.log(`for a person: ${line}`);
  return forPeople.length === 0;
}

function refusedMembers(registered) {
  return registered.filter((row) => !row.member_id).map((row) => `member ${row.customer}: ${row.reason}`);
}

/** What is never sent again as it is: it would be rejected again. DUPLICATE is as good as ACCEPTED. */
function rejectedSales(recorded) {
  return recorded
    .filter(({ outcome }) => outcome !== "ACCEPTED" && outcome !== "DUPLICATE")
    .map((row) => `${row.sale}: ${row.reason} ${row.detail}`.trim());
}

function showLine(name, members, spend, points) {
  const numbers = [String(members).padStart(9), String(spend).padStart(15), String(points).padStart(10)];
  console.log(name.padEnd(12) + numbers.join(""));
}

function sum(rows, name) {
  return rows.reduce((total, row) => total + row[name], 0n);
}
