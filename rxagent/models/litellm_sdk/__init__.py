"""What LiteLLM keeps, and what its errors mean."""
