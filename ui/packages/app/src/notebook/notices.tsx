// What the page must tell: notices to read and dismiss, and a live region for what a screen reader should say.
import { IconButton } from "../icons";
import { type Notice, useUi, useUiState } from "./ui-state";

export function Notices() {
  const ui = useUi();
  const notices = useUiState((state) => state.notices);
  const announcement = useUiState((state) => state.announcement);
  return (
    <>
      <div className="notices" role="log" aria-live="polite">
        {notices.map((notice) => (
          <div key={notice.id} className={`notice ${notice.tone}`} data-testid="notice">
            <span>
              {notice.text}
              <NoticeAction notice={notice} />
            </span>
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

function NoticeAction({ notice: { id, action } }: { readonly notice: Notice }) {
  const ui = useUi();
  if (action === null) return null;
  const act = () => {
    ui.dismiss(id);
    action.run();
  };
  return (
    <>
      {" "}
      <button type="button" className="link-button" data-testid="notice-action" onClick={act}>
        {action.label}
      </button>
    </>
  );
}
