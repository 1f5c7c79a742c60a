"""What MLflow keeps of a training: runs, pictures, the model and its versions, and who is champion."""
