/** Lets cards glide to their new places when their order changes (FLIP), unless the user asked for less motion. */
import type { RefObject } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

type Places = Map<string, { x: number; y: number }>

/** Children's places within their list: independent of scrolling. */
function placesIn(list: HTMLElement): Places {
  const cards = [...list.querySelectorAll<HTMLElement>(':scope > [data-item]')]
  return new Map(cards.map((card) => [card.dataset.item!, { x: card.offsetLeft, y: card.offsetTop }]))
}

/** `order` names the list's children as they are drawn now. */
export function useReorder(list: RefObject<HTMLElement | null>, order: string): void {
  const last = useRef(order)
  const before = useRef<Places | null>(null)
  // Drawing is synchronous, so here the document still shows the order before.
  if (order !== last.current && list.current) before.current = placesIn(list.current)
  last.current = order

  useLayoutEffect(() => {
    const from = before.current
    before.current = null
    if (!from || !list.current || matchMedia('(prefers-reduced-motion: reduce)').matches) return
    for (const [item, { x, y }] of placesIn(list.current)) {
      const old = from.get(item)
      if (!old || (old.x === x && old.y === y)) continue
      const card = list.current.querySelector(`:scope > [data-item="${CSS.escape(item)}"]`)
      card?.animate([{ transform: `translate(${old.x - x}px, ${old.y - y}px)` }, { transform: 'none' }], {
        duration: 600,
        easing: 'cubic-bezier(.2, .8, .2, 1)',
      })
    }
  }, [order])
}
