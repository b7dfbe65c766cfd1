"""How the built-in model was trained; see docs/how-it-was-trained.md."""
