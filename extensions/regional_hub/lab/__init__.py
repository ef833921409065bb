"""What runs inside people's servers, in the lab image; it knows nothing of the hub around it."""
