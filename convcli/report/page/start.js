// Read the data, fill the sections, and let the reader choose the colours.

const data = JSON.parse(document.getElementById("data").textContent);
const labs = {};
for (const root of document.querySelectorAll("[data-lab]")) {
  labs[root.dataset.lab] = LESSONS[root.dataset.lab](root, data);
}

function remember(choice) {
  try {
    if (choice !== undefined) localStorage.setItem("convcli-theme", choice);
    return localStorage.getItem("convcli-theme");
  } catch {
    return null; // pages from a disk may not be allowed to
  }
}

function paint(choice) {
  document.documentElement.dataset.theme = choice;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", button.dataset.themeChoice === choice);
  }
  document.dispatchEvent(new Event("repaint"));
}

for (const button of document.querySelectorAll("[data-theme-choice]")) {
  button.addEventListener("click", () => {
    paint(button.dataset.themeChoice);
    remember(button.dataset.themeChoice);
  });
}
paint(remember() ?? "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("repaint")));
