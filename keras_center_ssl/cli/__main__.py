from keras_center_ssl.cli.main import main

main()
