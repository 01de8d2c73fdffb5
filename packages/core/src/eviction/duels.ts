/**
 * Learns who is asked for first: an object that wants to come in, or the one that would leave for it. Of some such
 * pairs both names are kept until one of the two is asked for, whoever of them stayed; that is what an eviction with
 * foresight would have known. The answers are kept apart by how often both were asked for before.
 */
export interface Duels {
  /** A request for an id: it wins the duel that it is in. */
  settle(id: string): void
  /** Whether those that are in have of late been asked for before those that wanted to come in. */
  favoursResident(candidateCount: number, residentCount: number): boolean
  /** Offers a pair; of all that are offered so many are taken that a duel lasts for some turnovers. */
  offer(pair: Pair, residentTotal: number): void
}

export interface Pair {
  readonly candidate: string
  readonly resident: string
  readonly candidateCount: number
  readonly residentCount: number
}

/** Duels under way at a time; a new one ends the oldest without an answer. */
const MAX_DUELS = 1_024
/** For how many times the number of residents a duel waits for its answer, in offers. */
const TURNOVERS = 4
/** What is remembered is about so many answers of each class. */
const MEMORY = 150
/** Before there are answers, it is as if there had been so many, with this share of residents: the new one comes in. */
const PRIOR_ANSWERS = 10
const PRIOR_SHARE = 0.48
const CLASS_COUNT = 3

/** Asked for once, twice, more often. */
const classOf = (count: number): number => (count <= 1 ? 0 : count === 2 ? 1 : 2)
const contextOf = (candidateCount: number, residentCount: number): number =>
  classOf(candidateCount) * CLASS_COUNT + classOf(residentCount)

export function createDuels(): Duels {
  const byId = new Map<string, number>()
  const residents: string[] = []
  const candidates: string[] = []
  const contexts = new Uint8Array(MAX_DUELS)
  const residentWins = new Float64Array(CLASS_COUNT ** 2)
  const candidateWins = new Float64Array(CLASS_COUNT ** 2)
  /** When each began, in offers. */
  const begins = new Float64Array(MAX_DUELS)
  let next = 0
  let offers = 0
  let lastTaken = 0

  /** Forgets a duel; a place of the ring that was settled before may be named by newer ones no more. */
  const close = (duel: number): void => {
    for (const id of [residents[duel], candidates[duel]])
      if (id !== undefined && byId.get(id) === duel) byId.delete(id)
  }

  /** Whether an id is free for a new duel; one that nobody answered within its time is over. */
  const isFree = (id: string, lastsOffers: number): boolean => {
    const duel = byId.get(id)
    if (duel === undefined) return true
    if (offers - (begins[duel] ?? 0) < lastsOffers) return false
    close(duel)
    return true
  }

  return {
    settle(id) {
      const duel = byId.get(id)
      if (duel === undefined) return
      const context = contexts[duel] ?? 0
      const fade = 1 - 1 / MEMORY
      const isResident = residents[duel] === id
      residentWins[context] = (residentWins[context] ?? 0) * fade + (isResident ? 1 : 0)
      candidateWins[context] = (candidateWins[context] ?? 0) * fade + (isResident ? 0 : 1)
      close(duel)
    },
    favoursResident(candidateCount, residentCount) {
      const context = contextOf(candidateCount, residentCount)
      const won = residentWins[context] ?? 0
      const lost = candidateWins[context] ?? 0
      return (won + PRIOR_ANSWERS * PRIOR_SHARE) / (won + lost + PRIOR_ANSWERS) > 0.5
    },
    offer({ candidate, resident, candidateCount, residentCount }, residentTotal) {
      offers += 1
      const lastsOffers = TURNOVERS * residentTotal
      if (offers - lastTaken < lastsOffers / MAX_DUELS) return
      if (!isFree(candidate, lastsOffers) || !isFree(resident, lastsOffers)) return
      lastTaken = offers
      close(next)
      begins[next] = offers
      residents[next] = resident
      candidates[next] = candidate
      contexts[next] = contextOf(candidateCount, residentCount)
      byId.set(resident, next).set(candidate, next)
      next = (next + 1) % MAX_DUELS
    },
  }
}
