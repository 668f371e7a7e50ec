/** Tells how much of each card of a list is on screen. */
import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'

const STEPS = Array.from({ length: 11 }, (_, i) => i / 10)

/**
 * `visible` hears the share of each `[data-item]` child that can be seen, or the share of the screen that it covers if
 * that is more: a card taller than the screen can be seen too. `cards` names the children.
 */
export function useWatch(
  list: RefObject<HTMLElement | null>,
  cards: string,
  visible: (item: string, share: number) => void,
): void {
  useEffect(() => {
    const children = [...(list.current?.querySelectorAll<HTMLElement>(':scope > [data-item]') ?? [])]
    // What the tabs cover is not seen; the page's scroll padding is their height.
    const covered = Number.parseFloat(getComputedStyle(document.documentElement).scrollPaddingBottom) || 0
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
          const covered = rootBounds?.height ? intersectionRect.height / rootBounds.height : 0
          visible((target as HTMLElement).dataset.item!, Math.max(intersectionRatio, covered))
        }
      },
      { threshold: STEPS, rootMargin: `0px 0px -${covered}px` },
    )
    for (const child of children) observer.observe(child)
    return () => {
      observer.disconnect()
      for (const child of children) visible(child.dataset.item!, 0)
    }
  }, [cards])
}
