import { useMemo } from 'preact/hooks'
import type { Catalogue, Item } from '../../shared/catalogue.ts'
import { drawing, SHEET } from './drawing.ts'

/** Decoration only: what it says, the title and the topics say in words. */
export function Picture({ item, catalogue }: { item: Item; catalogue: Catalogue }) {
  // What is drawn is kept: nothing of a picture changes when its card is drawn anew, and a tap redraws all cards.
  return useMemo(() => drawn(item, catalogue), [item, catalogue])
}

function drawn(item: Item, catalogue: Catalogue) {
  // A category that all have tells no picture from another.
  const { ground, shapes } = drawing(item.key, catalogue.categories.length > 1 ? item.categories : [])
  return (
    <svg
      class="picture"
      viewBox={`0 0 ${SHEET.width} ${SHEET.height}`}
      preserveAspectRatio="xMidYMid slice"
      aria-hidden="true"
      style={{ background: `linear-gradient(160deg, ${ground[0]}, ${ground[1]})` }}
    >
      {shapes.map(({ d, fill, opacity, line }, i) =>
        line === undefined ? (
          <path key={i} d={d} fill={fill} opacity={opacity} />
        ) : (
          <path
            key={i}
            d={d}
            fill="none"
            stroke={fill}
            stroke-width={line}
            stroke-linecap="round"
            opacity={opacity}
          />
        ),
      )}
    </svg>
  )
}
