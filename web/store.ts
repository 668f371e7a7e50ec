/** A value that components can watch. */
import { useEffect, useState } from 'preact/hooks'

export interface Store<T> {
  get(): T
  set(value: T): void
  /** Hears every change; returns the way to stop. */
  watch(listener: (value: T) => void): () => void
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial
  const listeners = new Set<(value: T) => void>()
  return {
    get: () => value,
    set(next) {
      value = next
      for (const listener of listeners) listener(value)
    },
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export function useStore<T>(store: Store<T>): T {
  const [, redraw] = useState({})
  const drawn = store.get()
  useEffect(() => {
    // What has changed between the drawing and now was not heard.
    if (store.get() !== drawn) redraw({})
    return store.watch(() => redraw({}))
  }, [store])
  return drawn
}
