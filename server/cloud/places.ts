/** Who stands at which point. */

export interface Places {
  /** Users who stand somewhere. */
  readonly count: number
  /** Points that nobody is at. */
  readonly empty: number
  has(user: number): boolean
  /** Of a user who stands somewhere. */
  pointOf(user: number): number
  /** How many are at a point. */
  at(point: number): number
  /** Points are known up to this one. */
  grow(point: number): void
  enter(user: number, point: number): void
  leave(user: number): void
  /**
   * Adds those at a point, the asker left out, to `found` behind the first `taken`, as far as there is room; tells how many
   * it holds then. It begins at a place that hangs on who asks: of many at one point each is given to few.
   */
  take(asker: number, point: number, found: Uint32Array, taken: number): number
  /** All users, by point. */
  users(): Uint32Array
}

const NOWHERE = 0xffff_ffff

export function createPlaces(points: number): Places {
  /** By point. */
  const members: number[][] = Array.from({ length: points }, () => [])
  /** By user: their point, and their place among its members. */
  let pointOf = new Uint32Array(1024).fill(NOWHERE)
  let placeOf = new Uint32Array(1024)
  let count = 0
  let empty = points

  const has = (user: number) => user < pointOf.length && pointOf[user] !== NOWHERE

  function makeRoom(user: number): void {
    const size = Math.max(user + 1, 2 * pointOf.length)
    const [oldPoints, oldPlaces] = [pointOf, placeOf]
    pointOf = new Uint32Array(size).fill(NOWHERE)
    placeOf = new Uint32Array(size)
    pointOf.set(oldPoints)
    placeOf.set(oldPlaces)
  }

  return {
    get count() {
      return count
    },
    get empty() {
      return empty
    },
    has,
    pointOf: (user) => pointOf[user]!,
    at: (point) => members[point]!.length,
    grow(point) {
      while (members.length <= point) {
        members.push([])
        empty++
      }
    },
    enter(user, point) {
      if (user >= pointOf.length) makeRoom(user)
      const there = members[point]!
      if (there.length === 0) empty--
      pointOf[user] = point
      placeOf[user] = there.push(user) - 1
      count++
    },
    leave(user) {
      const there = members[pointOf[user]!]!
      const last = there.pop()!
      if (last !== user) {
        there[placeOf[user]!] = last
        placeOf[last] = placeOf[user]!
      }
      pointOf[user] = NOWHERE
      if (there.length === 0) empty++
      count--
    },
    take(asker, point, found, taken) {
      const there = members[point]!
      const own = has(asker) && pointOf[asker] === point
      const from = own ? placeOf[asker]! + 1 : asker
      const wanted = Math.min(own ? there.length - 1 : there.length, found.length - taken)
      for (let i = 0; i < wanted; i++) found[taken + i] = there[(from + i) % there.length]!
      return taken + wanted
    },
    users() {
      const all = new Uint32Array(count)
      let at = 0
      for (const there of members) for (const user of there) all[at++] = user
      return all
    },
  }
}
