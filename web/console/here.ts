/** What every view of the console has at hand. */
import { createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { Order } from '../../shared/release/changes.ts'
import type { Ask } from './ask.ts'

/** A change that the operator is to say yes to. */
export interface Proposal {
  readonly title: string
  /** What it means. */
  readonly about?: string
  /** On the button that does it. */
  readonly yes: string
  readonly danger?: boolean
  /** A reason to begin with: then one press more is enough. */
  readonly why?: string
  /** It is tried before it is asked for; or another route, with what is sent besides who and why. */
  readonly change: { readonly order: Order } | { readonly path: string; readonly body: object }
  /** After it was done. */
  readonly done?: () => void
}

export interface Here {
  readonly ask: Ask
  now(): number
  propose(proposal: Proposal): void
  /** How often something was changed from here: what is shown may be another then. */
  readonly changes: number
}

export const HereContext = createContext<Here>(null!)
export const useHere = (): Here => useContext(HereContext)

export interface Loaded<T> {
  /** The newest that came; null: nothing yet. */
  readonly value: T | null
  readonly failure: Failure | null
  again(): void
}

/** Loads now, and again whenever something was changed from here; what is there stays until there is something newer. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const { changes } = useHere()
  const [state, setState] = useState<Omit<Loaded<T>, 'again'>>({ value: null, failure: null })
  const [tries, setTries] = useState(0)
  const asked = useRef(0)
  useEffect(() => {
    const number = ++asked.current
    const isNewest = () => number === asked.current
    load().then(
      (value) => isNewest() && setState({ value, failure: null }),
      (error) => isNewest() && setState(({ value }) => ({ value, failure: toFailure(error) })),
    )
    return () => void asked.current++
  }, [changes, tries])
  return { ...state, again: () => setTries((tries) => tries + 1) }
}
