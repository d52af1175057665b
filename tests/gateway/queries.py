"""Queries that several tests ask."""

MEMBER = """
query Member($id: ID!) {
  member(id: $id) {
    id
    memberId
    profile { registeredTime storeId verification identities { source externalId } lastActivityTime }
    activity { state since }
    facts(names: ["purchase.count.lifetime"]) { asOf facts { name value } }
    scores {
      name title { zh en } valueBp label labelName { zh en } policyVersion absentReason
      contributions { factor fact value missing score decayBp weightBp contributionBp mostBp cuts distances }
      reasons { code zh: text(locale: ZH) en: text params { name value } }
    }
    memberships {
      tierSet
      tier { key name { zh en } rank }
      since
      progress { tier { key } gaps { path metric value threshold missing } }
      decision {
        id outcome asOf programVersion programDigest factsDigest digest
        facts { name value }
        reasons { code zh: text(locale: ZH) en: text params { name value } }
        rules { tier path metric fact op threshold value met margin }
        cause { kind eventId eventSeq runId actor }
      }
      history(first: 2) { from to outcome validFrom validTo reasons { code } }
    }
    points {
      currency available balance held pending expiring { expireTime points }
      entries(first: 5) {
        id transactionId seq points balanceAfter kind occurredTime source externalRef line digest lotId
        originalTransactionId writtenOffPoints
        earnings { rule amountMinor unitMinor pointsPerUnit multiplierBp tier points }
      }
    }
    benefits { key kind name { zh en } tierSet grantedByTier inherited params { name value } }
    notices(first: 5) {
      id code params { name value } zh: text(locale: ZH) en: text occurredTime dueTime status withheldReason
    }
    noticePreferences { marketing muted }
    risk { integrity level verification reportersCount parts { code points } }
  }
}
"""

PARTS = """
query Parts($id: ID!, $program: String!) {
  member(id: $id) {
    profile { verification }
    activity { state }
    facts { asOf }
    scores { name }
    memberships { tierSet }
    points { available entries { seq } }
    benefits { key }
    notices { id }
    risk { integrity }
  }
  program(key: $program) { version }
}
"""

PAGE = """
query Page($first: Int!, $after: String, $tier: String) {
  members(first: $first, after: $after, tier: $tier) {
    edges {
      cursor
      node {
        memberId
        facts { asOf }
        scores { name }
        memberships { tier { key } progress { tier { key } } history(first: 3) { to } }
        points { available entries(first: 5) { seq } }
        benefits { key }
        risk { integrity }
      }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

IDS = """
query Ids($first: Int!, $after: String, $tier: String) {
  members(first: $first, after: $after, tier: $tier) {
    edges { cursor node { memberId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
