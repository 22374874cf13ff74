// Starts the app: exchanges a start code for a session, then renders.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startSession } from "./api";
import { App } from "./app";
import { keepShell } from "./offline/keep-shell";
import { restartOnStartLink, takeStartCode } from "./router";
import "./styles/index.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root element");

restartOnStartLink();
keepShell();
const code = takeStartCode();
const started =
  code === null
    ? Promise.resolve(null)
    : startSession(code).then(
        () => null,
        (error: unknown) => String(error instanceof Error ? error.message : error),
      );

void started.then((problem) =>
  createRoot(root).render(
    <StrictMode>
      <App startProblem={problem} />
    </StrictMode>,
  ),
);
