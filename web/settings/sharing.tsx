/** Whether others may learn from the user's samples: the switch, and what it does. */
import { useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import { Fault, Panel, Switch } from '../parts.tsx'
import { t } from '../strings/index.ts'

interface SharingProps {
  device: Pick<DeviceApi, 'share'>
  sharing: Status['sharing']
}

export function Sharing({ device, sharing }: SharingProps) {
  const [failure, setFailure] = useState<Failure | null>(null)
  const share = (on: boolean) => {
    setFailure(null)
    device.share({ on }).catch((error) => setFailure(toFailure(error)))
  }
  return (
    <Panel title={t.sharing.title}>
      <Switch
        testid="sharing"
        on={sharing.on}
        text={t.sharing.share}
        about={t.sharing.about}
        onChange={share}
      />
      <p role="status">{!sharing.told && t.sharing.untold}</p>
      {failure && <Fault failure={failure} />}
    </Panel>
  )
}
