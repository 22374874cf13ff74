// What the page must tell: notices to read and dismiss, and a live region for what a screen reader should say.
import { IconButton } from "../icons";
import { useUi, useUiState } from "./ui-state";

export function Notices() {
  const ui = useUi();
  const notices = useUiState((state) => state.notices);
  const announcement = useUiState((state) => state.announcement);
  return (
    <>
      <div className="notices" role="log" aria-live="polite">
        {notices.map((notice) => (
          <div key={notice.id} className={`notice ${notice.tone}`} data-testid="notice">
            <span>{notice.text}</span>
            <IconButton icon="close" label="Dismiss" onClick={() => ui.dismiss(notice.id)} />
          </div>
        ))}
      </div>
      <div className="visually-hidden" role="status" data-testid="announcement">
        {announcement}
      </div>
    </>
  );
}
