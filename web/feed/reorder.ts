/** What moves when the list changes: cards glide to new places, and the one that is opened stays under the finger. */
import type { RefObject } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

type Places = Map<string, { x: number; y: number }>

/** Children's places within their list: independent of scrolling. */
function placesIn(list: HTMLElement): Places {
  const cards = [...list.querySelectorAll<HTMLElement>(':scope > [data-item]')]
  return new Map(cards.map((card) => [card.dataset.item!, { x: card.offsetLeft, y: card.offsetTop }]))
}

const lessMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches
const cardOf = (list: HTMLElement, item: string) =>
  list.querySelector<HTMLElement>(`:scope > [data-item="${CSS.escape(item)}"]`)

/** Chromium scrolls to what has the focus when that is moved in the document: so it has it not meanwhile. */
function letGoOfFocus(list: HTMLElement): HTMLElement | null {
  const focused = document.activeElement
  if (!(focused instanceof HTMLElement) || !list.contains(focused)) return null
  focused.blur()
  return focused
}

/**
 * Cards glide when their order changes (FLIP), unless the user asked for less motion. `order` names the list's children
 * as they are drawn now.
 */
export function useReorder(list: RefObject<HTMLElement | null>, order: string): void {
  const last = useRef(order)
  const before = useRef<Places | null>(null)
  const focused = useRef<HTMLElement | null>(null)
  // Drawing is synchronous, so here the document still shows the order before.
  if (order !== last.current && list.current) {
    before.current = placesIn(list.current)
    focused.current = letGoOfFocus(list.current)
  }
  last.current = order

  useLayoutEffect(() => {
    const from = before.current
    before.current = null
    if (!from || !list.current) return
    // What stays in the document while others are moved around it, browsers count as a shift that nobody asked for.
    list.current.append(...list.current.children)
    focused.current?.focus({ preventScroll: true })
    focused.current = null
    if (lessMotion()) return
    for (const [item, { x, y }] of placesIn(list.current)) {
      const old = from.get(item)
      if (!old || (old.x === x && old.y === y)) continue
      cardOf(list.current, item)?.animate(
        [{ transform: `translate(${old.x - x}px, ${old.y - y}px)` }, { transform: 'none' }],
        {
          duration: 600,
          easing: 'cubic-bezier(.2, .8, .2, 1)',
        },
      )
    }
  }, [order])
}

/** Opening a card closes another, perhaps above it: the page scrolls along, and then shows the open one whole. */
export function useSteady(list: RefObject<HTMLElement | null>, current: string | null): void {
  const last = useRef(current)
  const before = useRef<number | null>(null)
  const card = () => (current && list.current ? cardOf(list.current, current) : null)
  if (current !== last.current) before.current = card()?.getBoundingClientRect().top ?? null
  last.current = current

  useLayoutEffect(() => {
    const opened = card()
    if (!opened || before.current === null) return
    scrollBy({ top: opened.getBoundingClientRect().top - before.current, behavior: 'instant' })
    before.current = null
    opened.scrollIntoView({ block: 'nearest', behavior: lessMotion() ? 'instant' : 'smooth' })
  }, [current])
}
