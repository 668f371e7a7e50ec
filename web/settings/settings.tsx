import type { DeviceApi, Status } from '../../shared/protocol.ts'
import type { Feed } from '../feed/feed.ts'
import type { Install } from '../install.ts'
import { ViewTitle } from '../parts.tsx'
import { t } from '../strings/index.ts'

export interface SettingsProps {
  device: DeviceApi
  feed: Feed
  install: Install
  status: Status | null
}

/** What the user decides about the app. */
export function Settings(_: SettingsProps) {
  return <ViewTitle>{t.app.settings}</ViewTitle>
}
