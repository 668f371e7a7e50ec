import { useState } from 'preact/hooks'
import { type BadgePage, badgeChosen, canBadge, chooseBadge } from '../badge.ts'
import { Panel, Switch } from '../parts.tsx'
import { t } from '../strings/index.ts'

/** Whether the app's icon may tell of a better model; nothing where the browser has no marks on icons. */
export function BadgePanel() {
  const page: BadgePage = window
  const [on, setOn] = useState(badgeChosen(page))
  const [refused, setRefused] = useState(false)
  if (!canBadge(page)) return null
  const choose = async (wanted: boolean) => {
    const holds = await chooseBadge(page, wanted)
    setOn(holds)
    setRefused(wanted && !holds)
  }
  return (
    <Panel title={t.badge.title}>
      <Switch
        on={on}
        text={t.badge.mark}
        about={t.badge.about}
        testid="badge"
        onChange={(wanted) => void choose(wanted)}
      />
      <p role="status">{refused && t.badge.refused}</p>
    </Panel>
  )
}
