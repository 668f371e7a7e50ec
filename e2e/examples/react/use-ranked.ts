import type { Candidate, Kindred, Ranking } from 'kindred/client'
import { useEffect, useState } from 'react'

/** The candidates as this user would choose them; ranked anew whenever another model ranks. Null before the first time. */
export function useRanked<C extends Candidate>(
  kindred: Kindred,
  candidates: readonly C[],
): Ranking<C> | null {
  const [ranking, setRanking] = useState<Ranking<C> | null>(null)
  useEffect(() => {
    let latest = new AbortController()
    const unsubscribe = kindred.model.onChange(() => {
      latest.abort()
      latest = new AbortController()
      kindred.rank(candidates, { signal: latest.signal }).then(setRanking, () => {})
    })
    return () => {
      unsubscribe()
      latest.abort()
    }
  }, [kindred, candidates])
  return ranking
}
