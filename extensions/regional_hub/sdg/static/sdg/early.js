// Before the page is drawn: panels are tabs only where scripts run, so that nothing jumps.
document.documentElement.classList.add("with-tabs");
